"""What the runner does with a batch, one worker per kind of stage (see stage.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from wirewatch import dead_letters
from wirewatch.broker import Broker, Consumer, Headers, Message, TopicPartition
from wirewatch.codec import decode
from wirewatch.errors import Fenced, Rebalanced, Rejected
from wirewatch.metrics import Metrics
from wirewatch.stage import Apply, Context, Marked, Received, Relay, Sink, Stage, Store, Transform

SOURCE_OFFSET = "src.offset"
"""Header of a transformed record: the offset of the record that it was made from, in ASCII digits."""

RECORD_BYTES_MAX = 1_000_000
"""Largest record that a stage writes; Kafka's own limit is 1 MiB with key and headers."""

Batch = Mapping[TopicPartition, Sequence[Message]]
Packed = tuple[bytes, bytes | None, Headers, int | None]
"""Value, key, headers and partition of a record to send."""

log = structlog.get_logger(__name__)


class Loop(Protocol):
    """What a worker needs of the runner."""

    def patiently(self, call: Callable[[], Any]) -> Any: ...

    def commit(self, consumer: Consumer, offsets: Mapping[TopicPartition, int]) -> None: ...


class Worker(Protocol):
    """A stage, opened."""

    consumer: Consumer

    def process(self, batch: Batch) -> None: ...

    def close(self) -> None: ...


def open_worker(stage: Stage, broker: Broker, context: Context, loop: Loop) -> Worker:
    """The worker for this kind of stage, connected. Raises Transient when a server is away; try again then."""
    outlet = _Outlet(stage.name, broker, context.metrics, loop)
    try:
        if isinstance(stage, Transform):
            return _TransformWorker(stage, broker, context, loop, outlet)
        if isinstance(stage, Sink):
            return _SinkWorker(stage, broker, context, loop, outlet)
        return _RelayWorker(stage, context, loop, outlet)
    except BaseException:
        outlet.close()
        raise


def group_of(stage: Stage) -> str:
    """The consumer group of a stage."""
    return f"wirewatch.{stage.name}"


class _Outlet:
    """The producer of a worker: sends a whole batch until the broker has acknowledged all of it."""

    def __init__(self, stage: str, broker: Broker, metrics: Metrics, loop: Loop) -> None:
        self._stage = stage
        self._metrics = metrics
        self._loop = loop
        self._producer = broker.producer()

    def deliver(self, topic: str, records: Sequence[Packed]) -> None:
        """Send all, in order, and wait for the acknowledgement of every one.

        A failure sends the whole batch again from its first record: first occurrences stay in order, without a gap.
        """

        def once() -> None:
            for value, key, headers, partition in records:
                self._producer.send(topic, value, key=key, headers=headers, partition=partition)
            self._producer.flush()

        self._loop.patiently(once)

    def bury(self, letters: Sequence[tuple[Message, Rejected]]) -> None:
        """Dead-letter, and wait for the acknowledgement, so that no offset is passed before its letter is safe."""
        if not letters:
            return

        def once() -> None:
            for message, rejected in letters:
                dead_letters.send(
                    self._producer,
                    value=message.value,
                    reason=rejected.reason,
                    detail=rejected.detail,
                    stage=self._stage,
                    message=message,
                    exception=rejected.__cause__,
                )
            self._producer.flush()

        self._loop.patiently(once)
        for _, rejected in letters:
            self._metrics.dead_letters.labels(rejected.reason).inc()

    def close(self) -> None:
        self._producer.close()


class _TransformWorker:
    def __init__(
        self, stage: Transform[Any, Any], broker: Broker, context: Context, loop: Loop, outlet: _Outlet
    ) -> None:
        self._stage = stage
        self._metrics = context.metrics
        self._loop = loop
        self._outlet = outlet
        self.consumer: Consumer = broker.consumer(group_of(stage), [stage.reads.name])
        self._apply: Apply[Any, Any] = stage.open(context)

    def process(self, batch: Batch) -> None:
        messages = [message for messages in batch.values() for message in messages]
        outputs, letters = self._transform(messages)
        self._outlet.bury(letters)
        self._outlet.deliver(self._stage.writes.name, outputs)
        self._loop.commit(self.consumer, {where: own[-1].offset + 1 for where, own in batch.items()})

    def _transform(self, messages: Sequence[Message]) -> tuple[list[Packed], list[tuple[Message, Rejected]]]:
        """One output per message, in order, and the dead letters among them."""
        stage = self._stage
        decoded = [_decoded(stage.reads, message) for message in messages]
        received = [item for item in decoded if isinstance(item, Received)]
        results = iter(self._apply(received) if received else ())
        outputs: list[Packed] = []
        letters: list[tuple[Message, Rejected]] = []
        for message, item in zip(messages, decoded, strict=True):
            result = next(results) if isinstance(item, Received) else item
            packed = result if isinstance(result, Rejected) else self._packed(message, result)
            if isinstance(packed, Rejected):
                if isinstance(item, Received) or stage.dead_letters_undecodable:
                    letters.append((message, packed))
                packed = self._marker(message, packed.reason)
            outputs.append(packed)
        return outputs, letters

    def _packed(self, message: Message, output: Any) -> Packed | Rejected:
        key = self._stage.key(output)
        value = self._stage.writes.encode(output)
        if len(value) > RECORD_BYTES_MAX:
            return Rejected("record-too-large", f"{len(value):,} bytes for {self._stage.writes.name}")
        self._metrics.stage_records.labels(self._stage.name, output.status).inc()
        source = ((SOURCE_OFFSET, b"%d" % message.offset),)
        return value, message.key if key is None else key.encode(), source, message.partition

    def _marker(self, message: Message, reason: str) -> Packed:
        packed = self._packed(message, self._stage.mark(Marked(message, "dlq", reason)))
        if isinstance(packed, Rejected):
            raise packed
        return packed

    def close(self) -> None:
        self._outlet.close()
        self.consumer.close()


class _SinkWorker:
    def __init__(self, stage: Sink[Any], broker: Broker, context: Context, loop: Loop, outlet: _Outlet) -> None:
        self._stage = stage
        self._metrics = context.metrics
        self._loop = loop
        self._outlet = outlet
        self._topics = {topic.name: topic for topic in stage.reads}
        self._store: Store[Any] = stage.open(context)
        self._expected: dict[TopicPartition, int] = {}
        self.consumer: Consumer = broker.consumer(group_of(stage), list(self._topics), self._positions)

    def _positions(self, partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """What the store has applied decides where reading starts; the broker's own commit only shows the lag."""
        owner = self.consumer.membership()
        for where in partitions:
            # A claim that is refused is settled when there is something to apply.
            self._store.claim(where, owner)
        known = self._store.positions(partitions)
        placed = {where: known.get(where, 0) for where in partitions}
        self._expected.update(placed)
        # A store that knows nothing stands at 0: where the log begins later, that is a loss and not a fresh start.
        return placed

    def process(self, batch: Batch) -> None:
        done: dict[TopicPartition, int] = {}
        for where, messages in batch.items():
            following = messages[-1].offset + 1
            try:
                stored = self._apply(where, messages, following)
            except Rebalanced as moved:
                # A zombie's batch: whoever owns the partition now reads it again.
                log.info("not ours any more", partition=where, why=str(moved))
                self.consumer.seek(where, self._expected[where])
                continue
            self._expected[where] = stored
            if stored == following:
                done[where] = following
            else:
                log.warning("the store stands elsewhere", partition=where, ours=following, stored=stored)
                self._metrics.stage_failures.labels(self._stage.name, "mismatch").inc()
                self.consumer.seek(where, stored)
        if done:
            self._loop.commit(self.consumer, done)

    def _apply(self, where: TopicPartition, messages: Sequence[Message], following: int) -> int:
        decoded = [_decoded(self._topics[where.topic], message) for message in messages]
        self._outlet.bury([(m, item) for m, item in zip(messages, decoded, strict=True) if isinstance(item, Rejected)])
        received = [item for item in decoded if isinstance(item, Received)]
        expected = self._expected[where]

        def once() -> int:
            while True:
                try:
                    return self._store.apply(where, expected, following, received)
                except Fenced:
                    self._reclaim(where)

        stored: int = self._loop.patiently(once)
        outcome = "applied" if stored == following else "refused"
        self._metrics.stage_records.labels(self._stage.name, outcome).inc(len(messages))
        return stored

    def _reclaim(self, where: TopicPartition) -> None:
        """Claim once more; where that is refused the broker decides. Raises Rebalanced when we are a zombie."""
        owner = self.consumer.membership()
        if not self._store.claim(where, owner):
            self._metrics.fenced.inc()
            self.consumer.commit({where: self._expected[where]})
            self._store.claim(where, owner, force=True)

    def close(self) -> None:
        self._outlet.close()
        self.consumer.close()
        self._store.close()


class _RelayWorker:
    def __init__(self, stage: Relay[Any], context: Context, loop: Loop, outlet: _Outlet) -> None:
        self._stage = stage
        self._metrics = context.metrics
        self._loop = loop
        self._outlet = outlet
        self.consumer: Consumer = stage.open(context)

    def process(self, batch: Batch) -> None:
        messages = [message for messages in batch.values() for message in messages]
        self._outlet.deliver(self._stage.writes.name, [(m.value, m.key, (), None) for m in messages])
        self._loop.commit(self.consumer, {where: own[-1].offset + 1 for where, own in batch.items()})
        self._metrics.stage_records.labels(self._stage.name, "relayed").inc(len(messages))

    def close(self) -> None:
        self._outlet.close()
        self.consumer.close()


def _decoded(topic: Any, message: Message) -> Received[Any] | Rejected:
    try:
        return Received(decode(topic, message.value), message)
    except Rejected as rejected:
        return rejected
