"""Reads the counters back, added up over the partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args

import msgspec

from consumers.keys import PAIR_SEPARATOR, ZSETS, Bucket, Family, Keys
from wirewatch.redis_client import Client, answers
from wirewatch.topics import ENTITIES, MENTIONS

By = Literal["actor", "hour", "day", "source", "language", "pair", "entity", "total"]
BY: tuple[By, ...] = get_args(By)
DAYS_MAX = 400
_ACTORS_MAX = 500
_KEYS_PER_CALL = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to count by, whose counts (None: every actor's), and of which time.

    Hours, days and actors are exact to the hour; the rest is kept by day, and the whole of a day counts (UTC).
    """

    by: By
    since: datetime
    until: datetime
    actor: str | None = None
    limit: int = 1_000

    @property
    def days(self) -> list[date]:
        first = self.since.astimezone(UTC).date()
        count = (self.until.astimezone(UTC).date() - first).days + 1
        return [first + timedelta(days=n) for n in range(max(0, min(count, DAYS_MAX)))]


class CounterRow(msgspec.Struct, frozen=True, kw_only=True):
    """One count. ``key``: the hour or day (RFC 3339), source, language, other actor of the pair, name or outcome; empty
    where rows are per actor. ``label``: kind of an entity."""

    actor: str | None = None
    label: str | None = None
    key: str = ""
    articles: int
    mentions: int | None = None


def read_counters(client: Client, keys: Keys, partitions: int, query: Query) -> list[CounterRow]:
    """The rows, by time where they have one and else the largest first, at most ``query.limit`` of them (the newest,
    or the largest). Counts of a partition that is being replayed may step back for a moment.
    Raises StoreUnavailable."""
    reader = _Reader(client, keys, partitions)
    rows = list(_READERS[query.by](reader, query))
    if query.by in ("hour", "day"):
        return sorted(rows, key=lambda row: (row.key, row.actor or ""))[-query.limit :]
    return sorted(rows, key=lambda row: (-row.articles, row.actor or "", row.label or "", row.key))[: query.limit]


def applied(client: Client, keys: Keys, partitions: int) -> int:
    """How many records of mentions.v1 the counters stand for: goes up as they advance, steps back in a replay."""
    with answers(), client.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.hget(keys.position(MENTIONS.name, partition), "next")
        return sum(int(position or 0) for position in pipe.execute())


def read_heard(client: Client, keys: Keys, partitions: int, day: date) -> dict[str, dict[int, int]]:
    """Source → hour (UTC) → its articles of that day, whether or not they name an actor. Raises StoreUnavailable."""
    found: dict[str, dict[int, int]] = {}
    for fields in _Reader(client, keys, partitions).sums([Bucket("heard", day)]).values():
        for name, articles in fields.items():
            hour, _, source = name.partition(PAIR_SEPARATOR)
            found.setdefault(source, {})[int(hour)] = articles
    return found


class _Reader:
    """Sums of buckets over the partitions."""

    def __init__(self, client: Client, keys: Keys, partitions: int) -> None:
        self._client = client
        self._keys = keys
        self._partitions = range(partitions)

    def sums(self, buckets: Iterable[Bucket], topic: str = MENTIONS.name) -> dict[Bucket, dict[str, int]]:
        """Field to sum, per bucket that has any."""
        asked = [(bucket, self._keys.counter(topic, n, bucket)) for bucket in buckets for n in self._partitions]
        sums: dict[Bucket, dict[str, int]] = {}
        for start in range(0, len(asked), _KEYS_PER_CALL):
            part = asked[start : start + _KEYS_PER_CALL]
            for (bucket, _), fields in zip(part, self._read(part), strict=True):
                own = sums.setdefault(bucket, {}) if fields else {}
                for name, amount in fields.items():
                    own[name] = own.get(name, 0) + int(amount)
        return sums

    def _read(self, asked: Iterable[tuple[Bucket, str]]) -> list[Mapping[str, Any]]:
        with answers(), self._client.pipeline(transaction=False) as pipe:
            for bucket, key in asked:
                if bucket.family in ZSETS:
                    pipe.zrange(key, 0, -1, withscores=True)
                else:
                    pipe.hgetall(key)
            return [dict(answer) for answer in pipe.execute()]

    def actors(self, query: Query) -> list[str]:
        """Those asked for, or else the ones most written about."""
        if query.actor is not None:
            return [query.actor]
        found: dict[str, int] = {}
        for fields in self.sums(Bucket("actors", day) for day in query.days).values():
            for actor, articles in fields.items():
                found[actor] = found.get(actor, 0) + articles
        return sorted(found, key=lambda actor: (-found[actor], actor))[:_ACTORS_MAX]

    def per_actor(self, query: Query, family: Family) -> dict[Bucket, dict[str, int]]:
        return self.sums(Bucket(family, day, actor) for actor in self.actors(query) for day in query.days)


def _hours(reader: _Reader, query: Query) -> Iterator[CounterRow]:
    first = query.since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for bucket, fields in reader.per_actor(query, "hour").items():
        for name, articles in fields.items():
            hour = datetime(bucket.day.year, bucket.day.month, bucket.day.day, int(name[1:]), tzinfo=UTC)
            if name[0] == "a" and first <= hour <= query.until:
                key = hour.isoformat().replace("+00:00", "Z")
                mentions = fields.get(f"m{name[1:]}", 0)
                yield CounterRow(actor=bucket.of, key=key, articles=articles, mentions=mentions)


def _days(reader: _Reader, query: Query) -> Iterator[CounterRow]:
    return _joined(_hours(reader, query), lambda row: row.key[:10])


def _actors(reader: _Reader, query: Query) -> Iterator[CounterRow]:
    return _joined(_hours(reader, query), lambda _: "")


def _joined(rows: Iterable[CounterRow], key: Callable[[CounterRow], str]) -> Iterator[CounterRow]:
    sums: dict[tuple[str | None, str], list[int]] = {}
    for row in rows:
        own = sums.setdefault((row.actor, key(row)), [0, 0])
        own[0] += row.articles
        own[1] += row.mentions or 0
    for (actor, name), (articles, mentions) in sums.items():
        yield CounterRow(actor=actor, key=name, articles=articles, mentions=mentions)


def _split(family: Family) -> Callable[[_Reader, Query], Iterator[CounterRow]]:
    def rows(reader: _Reader, query: Query) -> Iterator[CounterRow]:
        sums: dict[tuple[str, str], int] = {}
        for bucket, fields in reader.per_actor(query, family).items():
            for name, articles in fields.items():
                sums[bucket.of, name] = sums.get((bucket.of, name), 0) + articles
        for (actor, name), articles in sums.items():
            yield CounterRow(actor=actor, key=name, articles=articles)

    return rows


def _flat(reader: _Reader, query: Query, family: Family) -> dict[str, int]:
    sums: dict[str, int] = {}
    for fields in reader.sums(Bucket(family, day) for day in query.days).values():
        for name, articles in fields.items():
            sums[name] = sums.get(name, 0) + articles
    return sums


def _pairs(reader: _Reader, query: Query) -> Iterator[CounterRow]:
    for name, articles in _flat(reader, query, "pairs").items():
        first, _, second = name.partition(PAIR_SEPARATOR)
        if query.actor in (None, first):
            yield CounterRow(actor=first, key=second, articles=articles)
        elif query.actor == second:
            yield CounterRow(actor=second, key=first, articles=articles)


def _entities(reader: _Reader, query: Query) -> Iterator[CounterRow]:
    labels = reader.sums((Bucket("labels", day) for day in query.days), ENTITIES.name)
    buckets = [Bucket("names", bucket.day, label) for bucket, fields in labels.items() for label in fields]
    sums: dict[tuple[str, str], int] = {}
    for bucket, fields in reader.sums(buckets, ENTITIES.name).items():
        for name, articles in fields.items():
            sums[bucket.of, name] = sums.get((bucket.of, name), 0) + articles
    for (label, name), articles in sums.items():
        yield CounterRow(label=label, key=name, articles=articles)


def _totals(reader: _Reader, query: Query) -> Iterator[CounterRow]:
    for status, articles in _flat(reader, query, "totals").items():
        yield CounterRow(key=status, articles=articles)


_READERS: Mapping[By, Callable[[_Reader, Query], Iterator[CounterRow]]] = {
    "actor": _actors,
    "hour": _hours,
    "day": _days,
    "source": _split("source"),
    "language": _split("language"),
    "pair": _pairs,
    "entity": _entities,
    "total": _totals,
}
