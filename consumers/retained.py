"""Reads what the log still holds: all records since a moment in the order of time, or the newest of one article."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from wirewatch.broker import Admin, Message
from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.records import Mentions
from wirewatch.topics import MENTIONS

_READ_MAX = 500


@dataclass(frozen=True, slots=True)
class Span:
    """Per partition of mentions.v1 the offsets to read, half-open. ``cut``: older records since the moment asked for
    are left out, as there are too many."""

    offsets: Mapping[int, tuple[int, int]]
    cut: bool

    @property
    def records(self) -> int:
        return sum(end - start for start, end in self.offsets.values())


def span_since(admin: Admin, since: datetime, records_max: int | None = None) -> Span:
    """What the log holds since then, by when the broker took each record; with ``records_max`` the newest of it.

    Raises BrokerUnavailable."""
    since_ms = int(since.timestamp() * 1000)
    held = admin.offsets(MENTIONS.name)
    offsets = {number: (_first_since(admin, number, *bounds, since_ms), bounds[1]) for number, bounds in held.items()}
    whole = Span(offsets, cut=False)
    if records_max is None or whole.records <= records_max:
        return whole
    each = max(1, records_max // len(offsets))
    return Span({number: (max(start, end - each), end) for number, (start, end) in offsets.items()}, cut=True)


def mentions_in(admin: Admin, span: Span) -> Iterator[tuple[Message, Mentions | None]]:
    """The records in the order of time; None for one that cannot be read. Raises BrokerUnavailable."""
    partitions = (_messages(admin, number, *bounds) for number, bounds in span.offsets.items())
    for message in merge(*partitions, key=lambda message: message.timestamp_ms):
        yield message, _decoded(message)


def newest_of(admin: Admin, article_id: str) -> Iterator[Mentions | None]:
    """Looks for the newest record of an article through all that is held; yields None at every step, for progress, and
    at the end the record, if there is one. Raises BrokerUnavailable."""
    key = article_id.encode()
    found: Message | None = None
    for number, bounds in admin.offsets(MENTIONS.name).items():
        for message in _messages(admin, number, *bounds):
            if message.key == key and (found is None or message.timestamp_ms >= found.timestamp_ms):
                found = message
            yield None
    if found is not None:
        yield _decoded(found)


def _messages(admin: Admin, partition: int, start: int, end: int) -> Iterator[Message]:
    while start < end:
        found = [each for each in admin.read(MENTIONS.name, partition, start, _READ_MAX) if each.offset < end]
        if not found:
            return
        yield from found
        start = found[-1].offset + 1


def _first_since(admin: Admin, partition: int, low: int, high: int, since_ms: int) -> int:
    """By halving: time stamps go up in a partition, but for what little the clocks of brokers differ."""
    while low < high:
        middle = (low + high) // 2
        found = admin.read(MENTIONS.name, partition, middle, 1)
        if found and found[0].timestamp_ms < since_ms:
            low = middle + 1
        else:
            high = middle
    return low


def _decoded(message: Message) -> Mentions | None:
    try:
        return decode(MENTIONS, message.value)
    except Rejected:
        return None
