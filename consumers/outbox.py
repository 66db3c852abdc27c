"""The outboxes of matches, and the stage ``relay``, which makes alerts of them, for the feed and for alerts.v1.

Read like a log: a poll takes matches from the outboxes into the feed (consumers/feeding.py), and hands over the
revisions of alerts that are not in the topic yet. Such a revision is dropped only after the topic acknowledged it. A
relay that dies in between, and several at once, send it again as it is: readers tell repeats by id and revision.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import msgspec

from consumers.feeding import Entry, Feeding
from consumers.keys import Keys
from wirewatch.broker import Membership, Message, TopicPartition
from wirewatch.metrics import Metrics
from wirewatch.records import Alert
from wirewatch.redis_client import BLOCK_SECONDS_MAX, Client, SeveralSlots, address, answers, connect
from wirewatch.settings import Settings
from wirewatch.stage import Context, Relay
from wirewatch.topics import ALERTS

OUTBOX = TopicPartition("outbox", 0)
"""What ``poll`` reads: revisions of alerts, in the order in which they were made."""
# A place is <milliseconds>-<n>; as an offset, n has the lower bits.
_BITS = 20
_START = "0-0"
_TURN_MS = 50


def to_offset(place: str) -> int:
    """The offset that stands for a place in a stream."""
    first, _, n = place.partition("-")
    return (int(first) << _BITS) | int(n)


def to_place(offset: int) -> str:
    """The place in a stream that ``offset`` stands for."""
    return f"{offset >> _BITS}-{offset & ((1 << _BITS) - 1)}"


class OutboxConsumer:
    """Implements wirewatch.broker.Consumer over the outboxes of all partitions and of volume rules; value one alert.

    Reading starts at the oldest revision that was never committed. Not safe to share between threads.
    """

    def __init__(self, client: Client, keys: Keys, settings: Settings, metrics: Metrics) -> None:
        self._client = client
        self._keys = keys
        self._metrics = metrics
        self._feeding = Feeding(client, keys, settings, metrics)
        self._outboxes = [*(keys.outbox(number) for number in range(settings.partitions)), keys.volume_outbox]
        self._following = self._committed = 0
        self._clustered = False
        self._turns = itertools.cycle(self._outboxes)

    def poll(self, timeout_seconds: float, messages_max: int) -> Mapping[TopicPartition, Sequence[Message]]:
        """At most ``messages_max`` revisions, in order; waits for the first match inside Redis."""
        if not (batch := self._unsent(messages_max)):
            block = max(1, int(min(timeout_seconds, BLOCK_SECONDS_MAX) * 1000))
            left = messages_max
            for name, entries in self._read(max(1, messages_max // len(self._outboxes)), block):
                if entries := entries[:left]:
                    left -= len(entries)
                    self._feeding.take(name, entries)
            self._feeding.merge(messages_max)
            batch = self._unsent(messages_max)
        if batch:
            self._following = batch[-1].offset + 1
        return {OUTBOX: batch} if batch else {}

    def _unsent(self, messages_max: int) -> Sequence[Message]:
        # With nothing polled and not committed it is all that there is: a Redis that lost its tail has some again.
        first = "-" if self._following == self._committed else to_place(self._following)
        with answers():
            entries: Sequence[Entry] = self._client.xrange(self._keys.feed_sending, first, "+", count=messages_max)
        return [_message(entry) for entry in entries]

    def _read(self, each: int, block_ms: int) -> Sequence[tuple[str, Sequence[Entry]]]:
        """XREAD of the outboxes. A Redis Cluster takes one at a time: there the wait is for each in turn."""
        places = dict.fromkeys(self._outboxes, _START)
        with answers():
            if not self._clustered:
                try:
                    found: Sequence[tuple[str, Sequence[Entry]]] = self._client.xread(places, each, block_ms)
                except SeveralSlots:
                    self._clustered = True
                else:
                    return found
            if not (found := self._read_each(each)):
                self._client.xread({next(self._turns): _START}, 1, min(block_ms, _TURN_MS))
                found = self._read_each(each)
            return found

    def _read_each(self, each: int) -> Sequence[tuple[str, Sequence[Entry]]]:
        with self._client.pipeline(transaction=False) as pipe:
            for name in self._outboxes:
                pipe.xread({name: _START}, each)
            return [stream for answer in pipe.execute() for stream in answer]

    def assignment(self) -> frozenset[TopicPartition]:
        """All of it, always: relays share no work, they only take over from each other."""
        return frozenset([OUTBOX])

    def membership(self) -> Membership:
        """Of no group: relays need not exclude each other."""
        return Membership(-1, "")

    def seek(self, _: TopicPartition, offset: int) -> None:
        self._following = offset

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The topic has all revisions below these offsets. Raises StoreUnavailable; repeating is safe."""
        for offset in offsets.values():
            with answers():
                entries: Sequence[Entry] = self._client.xrange(self._keys.feed_sending, "-", to_place(offset - 1))
                if entries:
                    self._client.xdel(self._keys.feed_sending, *(place for place, _ in entries))
            self._committed = offset

    def lag(self) -> Mapping[TopicPartition, int]:
        """Matches that are not in the feed, and revisions that are not in the topic; those included that were polled
        and not committed."""
        # In the order in which they move, so that none is missed on its way.
        streams = [*self._outboxes, self._keys.feed_inbox, self._keys.feed_sending]
        with answers():
            lengths = {name: int(self._client.xlen(name)) for name in streams}
            oldest = [self._oldest(name) for name in streams if lengths[name]]
        self._metrics.outbox_oldest.set(min(filter(None, oldest), default=0))
        return {OUTBOX: sum(lengths.values())}

    def _oldest(self, name: str) -> float:
        first: list[Entry] = self._client.xrange(name, count=1)
        if not first:
            return 0.0
        alert = msgspec.json.decode(first[0][1]["alert"], type=Alert)
        return (alert.updated or alert.raised).timestamp()

    def close(self) -> None:
        self._client.close()


def _message(entry: Entry) -> Message:
    place, fields = entry
    return Message(
        topic=OUTBOX.topic,
        partition=OUTBOX.partition,
        offset=to_offset(place),
        timestamp_ms=0,
        key=fields["id"].encode(),
        value=fields["alert"].encode(),
    )


def _open(context: Context) -> OutboxConsumer:
    settings = context.settings
    return OutboxConsumer(connect(address(settings)), Keys(settings.redis_prefix), settings, context.metrics)


RELAY: Relay[Alert] = Relay(
    name="relay",
    summary="merges matches from the outboxes in Redis into alerts by story, for alerts.v1 and the feed",
    writes=ALERTS,
    open=_open,
)
