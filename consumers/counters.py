"""What one record adds to the counters, and the stage ``counters``, which decides on alerts in the same step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import combinations
from typing import Any, NamedTuple

from consumers.keys import PAIR_SEPARATOR, Bucket
from wirewatch.records import Entities, Mentions, Status
from wirewatch.stage import Context, Sink, Store
from wirewatch.topics import ENTITIES, MENTIONS

PAIR_ACTORS_MAX = 15
NAME_CHARS_MAX = 100
FIELD_CHARS_MAX = 200
UNDETERMINED = "und"
COUNTED: frozenset[Status] = frozenset({"ok", "none"})
"""Statuses of an article that was looked at: only these make its id one that has been seen."""


class Increment(NamedTuple):
    bucket: Bucket
    field: str
    amount: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What a record adds when it is counted. ``article_id`` is None where a repeat must not be held to be one."""

    at: datetime
    received: date
    article_id: str | None
    increments: tuple[Increment, ...]

    @property
    def totals(self) -> Bucket:
        return Bucket("totals", self.at.date())


def tally(record: Mentions | Entities, timestamp_ms: int) -> Tally:
    """What ``record`` adds; a pure function of it, so a replay adds the same.

    Hours and days are those of ``first_seen`` (UTC), which is ours and cannot lie; ``timestamp_ms``, the message's,
    stands in where the record has no time at all.
    """
    received = _received(record.received_ms or timestamp_ms)
    at = _utc(record.first_seen) or received
    increments = [Increment(Bucket("totals", at.date()), record.status, 1)]
    if isinstance(record, Mentions) and record.status in COUNTED and record.source:
        heard = f"{at:%H}{PAIR_SEPARATOR}{record.source[:FIELD_CHARS_MAX]}"
        increments.append(Increment(Bucket("heard", at.date()), heard, 1))
    if record.status == "ok":
        increments += _of_mentions(record, at) if isinstance(record, Mentions) else _of_entities(record, at)
    return Tally(
        at=at,
        received=received.date(),
        article_id=record.article_id if record.status in COUNTED else None,
        increments=tuple(increments),
    )


def _of_mentions(record: Mentions, at: datetime) -> Iterator[Increment]:
    day = at.date()
    mentions: dict[str, int] = {}
    for actor in record.actors:
        mentions[actor.id] = mentions.get(actor.id, 0) + len(actor.mentions)
    for actor_id, count in mentions.items():
        hour = Bucket("hour", day, actor_id)
        yield Increment(hour, f"a{at:%H}", 1)
        yield Increment(hour, f"m{at:%H}", count)
        yield Increment(Bucket("source", day, actor_id), record.source[:FIELD_CHARS_MAX], 1)
        yield Increment(Bucket("language", day, actor_id), record.language or UNDETERMINED, 1)
        yield Increment(Bucket("actors", day), actor_id, 1)
    for pair in combinations(sorted(mentions)[:PAIR_ACTORS_MAX], 2):
        yield Increment(Bucket("pairs", day), PAIR_SEPARATOR.join(pair), 1)


def _of_entities(record: Entities, at: datetime) -> Iterator[Increment]:
    """An article counts once for each name, however often it says it."""
    named = {(entity.label, " ".join(entity.text.split())[:NAME_CHARS_MAX]) for entity in record.entities}
    for label, name in sorted(named):
        if name:
            yield Increment(Bucket("labels", at.date()), label, 1)
            yield Increment(Bucket("names", at.date(), label), name, 1)


def _received(timestamp_ms: int) -> datetime:
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _utc(moment: datetime | None) -> datetime | None:
    """In UTC; a time without a zone is held to be that already. None where the year would leave the calendar."""
    if moment is None or moment.tzinfo is None:
        return moment and moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _open(context: Context) -> Store[Any]:
    # Imported where the stage starts, so that reading a stage's declaration needs no Redis and no rules.
    from consumers.redis_store import open_store

    return open_store(context)


COUNTERS: Sink[Any] = Sink(
    name="counters",
    summary="counts mentions and entities in Redis, and raises alerts into the outbox there",
    reads=(MENTIONS, ENTITIES),
    open=_open,
)
