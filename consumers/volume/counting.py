"""Reads what the volume rules ask for out of the counters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from consumers.keys import Keys
from consumers.reading import Query, read_counters, read_heard
from consumers.volume.evaluation import Counts, Pair
from consumers.volume.hours import hour_at, hour_of
from consumers.volume.model import NewPair, SilentSource, Spike, VolumeRule
from wirewatch.redis_client import Client

T = TypeVar("T")
_ROWS_MAX = 1_000_000
_FRESH_DAYS = 2
_OLD_AGAIN = timedelta(hours=1)


class Counting:
    """Reads the last two days at every turn; days before change only when the log is counted again, and are read once
    an hour. Not safe to share between threads."""

    def __init__(self, client: Client, keys: Keys, partitions: int, turned: Callable[[], None]) -> None:
        """``turned`` is called after each day that was read: the first turn may take long."""
        self._client = client
        self._keys = keys
        self._partitions = partitions
        self._turned = turned
        self._kept: dict[tuple[str, date], tuple[datetime, object]] = {}

    def read(self, rules: Iterable[VolumeRule], names: dict[str, str], now: datetime) -> Counts | None:
        """What ``rules`` ask for; None where nothing was counted in the time that they ask for.
        Raises StoreUnavailable."""
        rules = [rule for rule in rules if rule.enabled]
        today = now.astimezone(UTC).date()
        # One day more than a rule's own: windows begin on the day before.
        spikes = max((rule.baseline_days + 2 for rule in rules if isinstance(rule, Spike)), default=0)
        pairs = max((rule.days + 2 for rule in rules if isinstance(rule, NewPair)), default=0)
        history = max((rule.history_days + 1 for rule in rules if isinstance(rule, SilentSource)), default=0)
        sources: dict[str, dict[int, int]] = {}
        for day in _back(today, max(spikes, pairs, history)):
            for source, hours in self._day("heard", day, now, self._heard).items():
                sources.setdefault(source, {}).update(hours)
        this_hour = hour_of(now)
        alive = frozenset(hour for hours in sources.values() for hour in hours if hour <= this_hour)
        if not alive:
            return None
        actors: dict[str, dict[int, int]] = {}
        for day in _back(today, spikes):
            for actor, hours in self._day("hours", day, now, self._hours).items():
                actors.setdefault(actor, {}).update(hours)
        self._forget(today)
        return Counts(
            now=max(alive),
            actors=actors,
            pairs={day: self._day("pairs", day, now, self._pairs) for day in _back(today, pairs)},
            sources=sources,
            alive=alive,
            names=names,
        )

    def _day(self, what: str, day: date, now: datetime, read: Callable[[date], T]) -> T:
        kept = self._kept.get((what, day))
        age = now.date() - day
        if kept is None or age < timedelta(days=_FRESH_DAYS) or now - kept[0] >= _OLD_AGAIN:
            kept = now, read(day)
            self._turned()
            self._kept[what, day] = kept
        return kept[1]  # type: ignore[return-value]

    def _forget(self, today: date) -> None:
        """Days that no rule asks for any more, whatever the rules."""
        for key in [key for key in self._kept if today - key[1] > timedelta(days=400)]:
            del self._kept[key]

    def _heard(self, day: date) -> dict[str, dict[int, int]]:
        found = read_heard(self._client, self._keys, self._partitions, day)
        return {source: {hour_at(day, hour): n for hour, n in hours.items()} for source, hours in found.items()}

    def _hours(self, day: date) -> dict[str, dict[int, int]]:
        found: dict[str, dict[int, int]] = {}
        for row in read_counters(self._client, self._keys, self._partitions, _query("hour", day)):
            found.setdefault(row.actor or "", {})[hour_of(datetime.fromisoformat(row.key))] = row.articles
        return found

    def _pairs(self, day: date) -> dict[Pair, int]:
        rows = read_counters(self._client, self._keys, self._partitions, _query("pair", day))
        return {(row.actor or "", row.key): row.articles for row in rows}


def _back(today: date, days: int) -> list[date]:
    return [today - timedelta(days=n) for n in range(days)]


def _query(by: str, day: date) -> Query:
    start = datetime.combine(day, time(), tzinfo=UTC)
    return Query(by=by, since=start, until=start + timedelta(hours=23, minutes=59), limit=_ROWS_MAX)  # type: ignore[arg-type]
