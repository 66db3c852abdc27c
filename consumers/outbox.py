"""The alert outbox, read like a log, and the stage ``relay``, which moves alerts from it to alerts.v1.

An alert leaves the outbox only after the topic acknowledged it. A relay that dies in between sends it again with the
same id, and so may several relays at once: readers of the topic tell repeats by the id, the feed takes each id once.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from consumers.keys import Keys
from wirewatch.broker import Membership, Message, TopicPartition
from wirewatch.metrics import Metrics
from wirewatch.records import Alert
from wirewatch.redis_client import BLOCK_SECONDS_MAX, Client, SeveralSlots, address, answers, connect
from wirewatch.settings import Settings
from wirewatch.stage import Context, Relay
from wirewatch.topics import ALERTS

OUTBOX = "outbox"
_SCRIPT = Path(__file__).with_name("relay.lua").read_text("utf-8")
# A place in the outbox is <source offset + 1>-<n>; as an offset, n has the lower ten bits.
_BITS = 10
_BEFORE_ALL = 0
_TURN_MS = 50

Entry = tuple[str, dict[str, str]]


def to_offset(place: str) -> int:
    """The offset that stands for a place in an outbox stream."""
    source, _, n = place.partition("-")
    return (int(source) << _BITS) | int(n)


def to_place(offset: int) -> str:
    """The place in an outbox stream that ``offset`` stands for."""
    return f"{offset >> _BITS}-{offset & ((1 << _BITS) - 1)}"


class OutboxConsumer:
    """Implements wirewatch.broker.Consumer over the outboxes of all partitions; topic ``outbox``, value one alert.

    Reading starts at the oldest alert that was never committed. Not safe to share between threads.
    """

    def __init__(self, client: Client, keys: Keys, settings: Settings, metrics: Metrics) -> None:
        self._client = client
        self._keys = keys
        self._alerts_kept = settings.alerts_kept
        self._metrics = metrics
        self._script = client.register_script(_SCRIPT)
        self._partitions = {keys.outbox(number): number for number in range(settings.partitions)}
        self._following = dict.fromkeys(range(settings.partitions), _BEFORE_ALL)
        self._committed = dict(self._following)
        self._clustered = False
        self._turns = itertools.cycle(self._partitions)

    def poll(self, timeout_seconds: float, messages_max: int) -> Mapping[TopicPartition, Sequence[Message]]:
        """At most ``messages_max`` alerts, in order per partition; waits for the first one inside Redis."""
        # XREAD reads behind a place, and counts per stream.
        places = {name: to_place(max(0, self._following[n] - 1)) for name, n in self._partitions.items()}
        each = max(1, messages_max // len(places))
        block = max(1, int(min(timeout_seconds, BLOCK_SECONDS_MAX) * 1000))
        answer = self._read(places, each, block)
        batch: dict[TopicPartition, Sequence[Message]] = {}
        left = messages_max
        for name, entries in answer:
            number = self._partitions[name]
            messages = [_message(number, entry) for entry in entries[:left]]
            if messages:
                left -= len(messages)
                batch[TopicPartition(OUTBOX, number)] = messages
                self._following[number] = messages[-1].offset + 1
        if not answer:
            self._look_back()
        return batch

    def _look_back(self) -> None:
        """A Redis that lost its tail holds alerts again that lie behind us: go back to them at the next poll."""
        done = [name for name, n in self._partitions.items() if 0 < self._following[n] == self._committed[n]]
        if done:
            for name, _ in self._read(dict.fromkeys(done, to_place(_BEFORE_ALL)), 1, None):
                self._following[self._partitions[name]] = _BEFORE_ALL

    def _read(
        self, places: Mapping[str, str], each: int, block_ms: int | None
    ) -> Sequence[tuple[str, Sequence[Entry]]]:
        """XREAD of several outboxes. A Redis Cluster takes one at a time: there the wait is for each in turn."""
        with answers():
            if not self._clustered:
                try:
                    found: Sequence[tuple[str, Sequence[Entry]]] = self._client.xread(places, each, block_ms)
                except SeveralSlots:
                    self._clustered = True
                else:
                    return found
            if not (found := self._read_each(places, each)) and block_ms:
                awaited = next(self._turns)
                self._client.xread({awaited: places[awaited]}, 1, min(block_ms, _TURN_MS))
                found = self._read_each(places, each)
            return found

    def _read_each(self, places: Mapping[str, str], each: int) -> Sequence[tuple[str, Sequence[Entry]]]:
        with self._client.pipeline(transaction=False) as pipe:
            for name, place in places.items():
                pipe.xread({name: place}, each)
            return [stream for answer in pipe.execute() for stream in answer]

    def assignment(self) -> frozenset[TopicPartition]:
        """All partitions, always: relays share no work, they only take over from each other."""
        return frozenset(TopicPartition(OUTBOX, number) for number in self._following)

    def membership(self) -> Membership:
        """Of no group: relays need not exclude each other."""
        return Membership(-1, "")

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._following[partition.partition] = offset

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Put the alerts below these offsets into the feed, then drop them from the outbox.

        Raises StoreUnavailable; repeating is safe, as the feed takes each alert id once.
        """
        for where, offset in offsets.items():
            name = self._keys.outbox(where.partition)
            last = to_place(offset - 1)
            with answers():
                entries: list[Entry] = self._client.xrange(name, "-", last)
                if entries:
                    self._observe(entries, self._publish(name, entries))
            self._committed[where.partition] = offset

    def _publish(self, name: str, entries: Sequence[Entry]) -> Sequence[int]:
        """Into the feed and, in the same breath, out of the outbox.

        Over one connection, so that a server that comes back without its tail in between never gets the second half;
        and exactly these alerts, as a replay may have put older ones there meanwhile.
        """
        arguments = [part for _, fields in entries for part in (fields["id"], fields["alert"])]
        keys = [self._keys.feed, self._keys.feed_ids, self._keys.feed_trimmed]
        with self._client.pipeline(transaction=False) as pipe:
            self._script(keys=keys, args=[self._alerts_kept, *arguments], client=pipe)
            if entries:
                pipe.xdel(name, *(place for place, _ in entries))
            fresh: Sequence[int] = pipe.execute()[0]
        return fresh

    def _observe(self, entries: Sequence[Entry], fresh: Sequence[int]) -> None:
        now = time.time()
        for (_, fields), new in zip(entries, fresh, strict=True):
            if new:
                alert = msgspec.json.decode(fields["alert"], type=Alert)
                self._metrics.alerts.labels(alert.severity).inc()
                for actor in alert.actors:
                    self._metrics.actor_alerts.labels(self._metrics.bounded("actor", actor.id)).inc()
                if alert.received_ms:
                    self._metrics.ingest_to_alert.observe(max(0.0, now - alert.received_ms / 1000))
                if alert.published is not None:
                    self._metrics.publish_to_alert.observe(max(0.0, now - alert.published.timestamp()))

    def lag(self) -> Mapping[TopicPartition, int]:
        """Alerts in the outboxes, those included that were polled and not committed."""
        with answers():
            lengths = {number: int(self._client.xlen(name)) for name, number in self._partitions.items()}
            oldest = [self._oldest(name) for name, number in self._partitions.items() if lengths[number]]
        self._metrics.outbox_oldest.set(min(filter(None, oldest), default=0))
        return {TopicPartition(OUTBOX, number): length for number, length in lengths.items()}

    def _oldest(self, name: str) -> float:
        first: list[Entry] = self._client.xrange(name, count=1)
        return msgspec.json.decode(first[0][1]["alert"], type=Alert).raised.timestamp() if first else 0.0

    def close(self) -> None:
        self._client.close()


def _message(partition: int, entry: Entry) -> Message:
    place, fields = entry
    return Message(
        topic=OUTBOX,
        partition=partition,
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
    summary="moves alerts from the outbox in Redis to alerts.v1 and to the feed that people read back",
    writes=ALERTS,
    open=_open,
)
