"""Counts the log again by plain code of its own, and tells where the counters in Redis differ.

On purpose it shares neither the script, nor its argument, nor ``tally`` with the stage that it checks: only the
records, the names of the keys, and the rules that decide on alerts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from consumers.keys import Bucket, Keys, expiry
from consumers.rules import Rule, raise_alert
from wirewatch.broker import Message, TopicPartition
from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.records import Mentions
from wirewatch.redis_client import Client, answers
from wirewatch.topics import Topic
from wirewatch.workers import SOURCE_OFFSET

Place = tuple[date, str, str]
"""Day, whose it is (an actor, or nobody's), field: of ``hour`` with an actor, of ``totals`` without."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Difference:
    """One count that is not what the log says. ``what``: articles, mentions, a status, ``dup``, or ``alert``."""

    topic: str
    partition: int
    day: date
    hour: int | None
    actor: str | None
    what: str
    log: int
    redis: int


@dataclass(slots=True)
class Recount:
    """One partition, counted message by message in the order of the log."""

    topic: Topic[Any]
    rules: Sequence[Rule]
    seen_days: int
    counts: Counter[Place] = field(default_factory=Counter)
    alerts: dict[str, str] = field(default_factory=dict)
    """Alert id → article id, of the alerts that the rules in use raise."""
    records: int = 0
    first_ms: int | None = None
    """When the first record that the log still holds was received."""
    _next_source: int = 0
    _day: date = date.min
    _last: dict[str, date] = field(default_factory=dict)

    def add(self, messages: Iterable[Message]) -> None:
        """Count these, the next ones of the partition."""
        for message in messages:
            self.records += 1
            source = int(message.header(SOURCE_OFFSET) or message.offset)
            try:
                record = decode(self.topic, message.value)
            except Rejected:
                continue
            if self.first_ms is None:
                self.first_ms = record.received_ms or message.timestamp_ms
            if source >= self._next_source:
                self._next_source = source + 1
                self._count(record, message.timestamp_ms)

    def _count(self, record: Any, timestamp_ms: int) -> None:
        received = datetime.fromtimestamp((record.received_ms or timestamp_ms) / 1000, UTC)
        at = _in_utc(record.first_seen) or received
        self._day = max(self._day, received.date())
        if record.status in ("ok", "none") and record.article_id:
            last = self._last.get(record.article_id)
            self._last[record.article_id] = self._day
            if last is not None and self._day - last <= self.seen_days * _DAY:
                self.counts[at.date(), "", "dup"] += 1
                return
        self.counts[at.date(), "", record.status] += 1
        if record.status == "ok" and isinstance(record, Mentions):
            for actor in {actor.id for actor in record.actors}:
                named = sum(len(found.mentions) for found in record.actors if found.id == actor)
                self.counts[at.date(), actor, f"a{at.hour:02}"] += 1
                self.counts[at.date(), actor, f"m{at.hour:02}"] += named
            alert = raise_alert(record, self.rules, received)
            if alert:
                self.alerts[alert.id] = alert.article_id


def _in_utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC; one that leaves the calendar is none."""
    if moment is None or moment.tzinfo is None:
        return moment and moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class Stored:
    """What Redis holds of one partition, all read at one moment. ``start``: where counting began."""

    next: int
    start: int
    counts: Counter[Place]


def read_stored(client: Client, keys: Keys, where: TopicPartition, known: Iterable[Place]) -> Stored:
    """Position and counters in one step: those that exist, and those of ``known``. Raises StoreUnavailable."""
    own = keys.position(*where).removesuffix("off")
    with answers():
        names = {name for name in client.scan_iter(match=f"{own}*", count=1000) if _place_of(own, name)}
    names |= {keys.counter(*where, Bucket("hour" if of else "totals", day, of)) for day, of, _ in known}
    ordered = sorted(names)
    with answers(), client.pipeline(transaction=True) as pipe:
        pipe.hmget(keys.position(*where), "next", "start")
        for name in ordered:
            pipe.hgetall(name)
        (following, start), *hashes = pipe.execute()
    counts: Counter[Place] = Counter()
    for name, fields in zip(ordered, hashes, strict=True):
        place = _place_of(own, name)
        assert place is not None  # noqa: S101 - names were chosen by it
        counts.update({(*place, name_): int(n) for name_, n in fields.items()})
    return Stored(int(following or 0), int(start or 0), counts)


def _place_of(own: str, name: str) -> tuple[date, str] | None:
    """Day and actor of a key of hours or totals; None for every other key."""
    family, _, rest = name.removeprefix(own).partition(":")
    day, _, of = rest.partition(":")
    if family not in ("hour", "totals"):
        return None
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date(), of


def compare(
    where: TopicPartition, recount: Recount, stored: Stored, *, since: date | None, counters_days: int, now: datetime
) -> list[Difference]:
    """Every count that differs, in the order of time. ``since``: days before it cannot be told (see verifiable_since);
    days whose counters have expired are left out too."""
    found = []
    for place in recount.counts.keys() | stored.counts.keys():
        day, of, name = place
        expected, held = recount.counts[place], stored.counts[place]
        if expected == held or (since is not None and day < since) or expiry(day, counters_days) <= now.timestamp():
            continue
        hour = int(name[1:]) if of else None
        what = {"a": "articles", "m": "mentions"}[name[0]] if of else name
        found.append(Difference(where.topic, where.partition, day, hour, of or None, what, expected, held))
    return sorted(found, key=lambda d: (d.day, d.hour or 0, d.actor or "", d.what))


def verifiable_since(first: int, start: int, first_ms: int | None, seen_days: int) -> date | None:
    """None when the log still holds all that was counted. Else the first day that can be told: records before ``first``
    were counted and have expired, and for ``seen_days`` more an article may repeat one of theirs."""
    if first <= start:
        return None
    if first_ms is None:
        return date.max
    return datetime.fromtimestamp(first_ms / 1000, UTC).date() + (seen_days + 1) * _DAY
