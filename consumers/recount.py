"""Counts the log again by plain code of its own, and tells where the counters in Redis differ.

On purpose it shares neither the script, nor its argument, nor ``tally`` with the stage that it checks: only the
records, the names of the keys, and the rules that decide on alerts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any, NamedTuple, get_args

from consumers.counters import FIELD_CHARS_MAX, NAME_CHARS_MAX, PAIR_ACTORS_MAX, UNDETERMINED
from consumers.keys import PAIR_SEPARATOR, ZSETS, Bucket, Family, Keys, expiry
from consumers.matching import matches
from consumers.rules import RuleSet
from wirewatch.broker import Message, TopicPartition
from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.records import Entities, Mentions
from wirewatch.redis_client import Client, answers
from wirewatch.topics import Topic
from wirewatch.workers import SOURCE_OFFSET

_DAY = timedelta(days=1)


class Place(NamedTuple):
    """Where a count stands: a bucket, and a field or member of it."""

    bucket: Bucket
    name: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One count that is not what the log says.

    ``family`` and ``of``: which counter and whose (see keys.py). ``name``: the field or member of it that differs, of
    ``hour`` either ``articles`` or ``mentions``, of ``heard`` the source; with the hour beside it.
    """

    topic: str
    partition: int
    day: date
    hour: int | None
    family: Family
    of: str
    name: str
    log: int
    redis: int


@dataclass(slots=True)
class Recount:
    """One partition, counted message by message in the order of the log."""

    topic: Topic[Any]
    rules: RuleSet
    seen_days: int
    counts: Counter[Place] = field(default_factory=Counter)
    alerts: dict[str, str] = field(default_factory=dict)
    """Match id → article id, of the matches that the rules in use make."""
    records: int = 0
    first_ms: int | None = None
    """When the first record that the log still holds was received."""
    matches_since: datetime | None = None
    """The rules have been in use since then: matches of articles received before may be by others, and are left out."""
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
                self._add("totals", at.date(), "", "dup")
                if isinstance(record, Mentions) and record.revision > 1:
                    self._match(record, received)
                return
        self._add("totals", at.date(), "", record.status)
        if record.status in ("ok", "none") and isinstance(record, Mentions) and record.source:
            self._add("heard", at.date(), "", f"{at.hour:02}{PAIR_SEPARATOR}{record.source[:FIELD_CHARS_MAX]}")
        if record.status == "ok" and isinstance(record, Mentions):
            self._count_mentions(record, at)
            self._match(record, received)
        elif record.status == "ok" and isinstance(record, Entities):
            self._count_entities(record, at.date())

    def _match(self, record: Mentions, received: datetime) -> None:
        if self.matches_since is None or received >= self.matches_since:
            self.alerts.update({match.id: match.article_id for match in matches(self.rules, record, received)})

    def _count_mentions(self, record: Mentions, at: datetime) -> None:
        day, actors = at.date(), {actor.id for actor in record.actors}
        for actor in actors:
            self._add("hour", day, actor, f"a{at.hour:02}")
            named = sum(len(found.mentions) for found in record.actors if found.id == actor)
            self._add("hour", day, actor, f"m{at.hour:02}", named)
            self._add("source", day, actor, record.source[:FIELD_CHARS_MAX])
            self._add("language", day, actor, record.language or UNDETERMINED)
            self._add("actors", day, "", actor)
        for one, other in combinations(sorted(actors)[:PAIR_ACTORS_MAX], 2):
            self._add("pairs", day, "", one + PAIR_SEPARATOR + other)

    def _count_entities(self, record: Entities, day: date) -> None:
        seen = set()
        for entity in record.entities:
            name = " ".join(entity.text.split())[:NAME_CHARS_MAX]
            if name and (entity.label, name) not in seen:
                seen.add((entity.label, name))
                self._add("labels", day, "", entity.label)
                self._add("names", day, entity.label, name)

    def _add(self, family: Family, day: date, of: str, name: str, amount: int = 1) -> None:
        self.counts[Place(Bucket(family, day, of), name)] += amount


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
        held = {_bucket(own, name) for name in client.scan_iter(match=f"{own}*", count=1000)}
    ordered = sorted({bucket for bucket in held if bucket} | {place.bucket for place in known})
    with answers(), client.pipeline(transaction=True) as pipe:
        pipe.hmget(keys.position(*where), "next", "start")
        for bucket in ordered:
            name = keys.counter(*where, bucket)
            if bucket.family in ZSETS:
                pipe.zrange(name, 0, -1, withscores=True)
            else:
                pipe.hgetall(name)
        (following, start), *found = pipe.execute()
    counts: Counter[Place] = Counter()
    for bucket, fields in zip(ordered, found, strict=True):
        # Scores come as floats: whole numbers, far below where those end.
        counts.update({Place(bucket, name): int(n) for name, n in dict(fields).items()})
    return Stored(int(following or 0), int(start or 0), counts)


def _bucket(own: str, name: str) -> Bucket | None:
    """Which counter a key is; None for every other key."""
    family, _, rest = name.removeprefix(own).partition(":")
    day, _, of = rest.partition(":")
    if family not in get_args(Family):
        return None
    return Bucket(family, datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date(), of)  # type: ignore[arg-type]


def compare(
    where: TopicPartition, recount: Recount, stored: Stored, *, since: date | None, counters_days: int, now: datetime
) -> list[Difference]:
    """Every count that differs, in the order of time. ``since``: days before it cannot be told (see verifiable_since);
    days whose counters have expired are left out too."""
    found = []
    for place in recount.counts.keys() | stored.counts.keys():
        day, expected, held = place.bucket.day, recount.counts[place], stored.counts[place]
        if expected == held or (since is not None and day < since) or expiry(day, counters_days) <= now.timestamp():
            continue
        hour, name = _told(place)
        family, _, of = place.bucket
        found.append(Difference(where.topic, where.partition, day, hour, family, of, name, expected, held))
    return sorted(found, key=lambda d: (d.day, d.hour or 0, get_args(Family).index(d.family), d.of, d.name))


def _told(place: Place) -> tuple[int | None, str]:
    """Hour and name, as of Difference."""
    if place.bucket.family == "hour":
        return int(place.name[1:]), {"a": "articles", "m": "mentions"}[place.name[0]]
    if place.bucket.family == "heard":
        hour, _, source = place.name.partition(PAIR_SEPARATOR)
        return int(hour), source
    return None, place.name


def verifiable_since(first: int, start: int, first_ms: int | None, seen_days: int) -> date | None:
    """None when the log still holds all that was counted. Else the first day that can be told: records before ``first``
    were counted and have expired, and for ``seen_days`` more an article may repeat one of theirs."""
    if first <= start:
        return None
    if first_ms is None:
        return date.max
    return datetime.fromtimestamp(first_ms / 1000, UTC).date() + (seen_days + 1) * _DAY
