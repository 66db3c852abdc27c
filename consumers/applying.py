"""The argument of ``apply.lua``, made purely from records: which keys it touches and what it does to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec

from consumers.counters import Tally
from consumers.keys import ZSETS, Bucket, Family, Keys, expiry
from wirewatch.broker import Membership, TopicPartition
from wirewatch.records import Alert

# Beyond twice this many members a set of a day drops its rarest: such totals are exact only below it.
MEMBERS_MAX: Mapping[Family, int] = {"pairs": 50_000, "heard": 50_000, "names": 2_000, "actors": 50_000}


class Standing(NamedTuple):
    """Where a partition stands: the next offset, and the newest day (ordinal, UTC) of what was applied; 0 is none."""

    next: int = 0
    day: int = 0


class Keeping(NamedTuple):
    """How many days article ids and counters are kept."""

    seen_days: int
    counters_days: int


@dataclass(frozen=True, slots=True)
class Item:
    """One record to apply: the offset of the article record it was made from, and what it adds if it counts."""

    src: int
    tally: Tally
    matches: Sequence[Alert] = ()
    edit: bool = False
    """Of an article that was published before: its matches go out although it is not counted again."""
    sketch: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """The script's keys and its argument. ``day``: the partition's newest day once it is applied."""

    keys: Sequence[str]
    argument: bytes
    day: int


@dataclass(slots=True)
class _Table:
    """Numbers the keys of a call from 1, as Lua does, and says what each is."""

    names: list[str] = field(default_factory=list)
    about: list[dict[str, object]] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def number(
        self, name: str, kind: Literal["set", "hash", "zset", ""] = "", expires: int = 0, members_max: int = 0
    ) -> int:
        if name not in self._numbers:
            self.names.append(name)
            self.about.append({"kind": kind, "expires": expires, "members_max": members_max})
            self._numbers[name] = len(self.names)
        return self._numbers[name]


def prepare(
    keys: Keys,
    where: TopicPartition,
    standing: Standing,
    following: int,
    items: Iterable[Item],
    keeping: Keeping,
    owner: Membership | None = None,
) -> Call:
    """The call that applies ``items`` if the partition stands at ``standing.next``, and moves it to ``following``.

    With ``owner``, only if the partition is claimed for it.

    Ids are looked up in one set per day. A record belongs to the day on which the broker received its article, or to
    a later one that the partition has reached: days never go back, so replays agree however they are batched.
    """
    table = _Table()
    table.number(keys.position(*where))
    if keys.raises_alerts(where.topic):
        table.number(keys.outbox(where.partition))

    @cache  # a batch adds to few buckets many times
    def number(bucket: Bucket) -> int:
        kind: Literal["zset", "hash"] = "zset" if bucket.family in ZSETS else "hash"
        expires = expiry(bucket.day, keeping.counters_days)
        return table.number(keys.counter(*where, bucket), kind, expires, MEMBERS_MAX.get(bucket.family, 0))

    days: dict[int, dict[str, object]] = {}
    records = []
    newest = standing.day
    for item in items:
        newest = max(newest, item.tally.received.toordinal())
        if newest not in days:
            days[newest] = _day(table, keys, where, newest, keeping.seen_days)
        records.append(_record(item, len(days), number))
    argument = {
        "expected": str(standing.next),
        "following": str(following),
        "generation": str(owner.generation) if owner else "",
        "member": owner.member if owner else "",
        "day": str(newest),
        "seen_days": keeping.seen_days,
        "days": list(days.values()),
        "records": records,
        "forget": [
            table.number(keys.seen(*where, date.fromordinal(day)), "set")
            for day in _forgotten(standing.day, days, newest - keeping.seen_days, keeping.seen_days)
        ],
        "keys": table.about,
    }
    return Call(table.names, msgspec.msgpack.encode(argument), newest)


def _day(table: _Table, keys: Keys, where: TopicPartition, day: int, seen_days: int) -> dict[str, object]:
    window = range(max(1, day - seen_days), day + 1)
    numbers = [table.number(keys.seen(*where, date.fromordinal(each)), "set") for each in window]
    return {"ordinal": day, "window": numbers, "seen": numbers[-1]}


def _record(item: Item, day: int, number: Callable[[Bucket], int]) -> dict[str, object]:
    add: list[Any] = []
    for bucket, name, amount in item.tally.increments:
        add += (number(bucket), name, amount)
    return {
        "src": item.src,
        "day": day,
        "id": item.tally.article_id or "",
        "totals": number(item.tally.totals),
        "add": add,
        "edit": item.edit,
        "sketch": item.sketch,
        "matches": [part for each in item.matches for part in (each.id, msgspec.json.encode(each).decode())],
    }


def _forgotten(old: int, days: Iterable[int], oldest_kept: int, seen_days: int) -> list[int]:
    """Days whose ids no later record can ask for: dropped by what was applied, not by the clock."""
    held = range(max(1, old - seen_days), old + 1) if old else ()
    return sorted(day for day in {*held, *days} if day < oldest_kept)
