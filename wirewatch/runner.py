"""The one loop that drives every stage: poll, decode, apply, dead-letter, flush, commit, observe, stop.

Order is the guarantee. Dead letters are acknowledged before the record that stands for them; outputs are acknowledged
before the commit; so a process that dies at any point repeats work and never loses it. Repeats are recognised
downstream by source offset (Transform) or refused by the store's own position (Sink).
A server that is away is waited for, for ever, with capped and jittered pauses; nothing is dead-lettered for that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_when_event_set, wait_random_exponential
from tenacity.nap import sleep_using_event

from wirewatch import dead_letters
from wirewatch.broker import Broker, Consumer, Message, Positions, Producer, TopicPartition
from wirewatch.codec import decode
from wirewatch.errors import Rebalanced, Rejected, Transient
from wirewatch.stage import Apply, Context, Marked, Received, Relay, Sink, Stage, Store, Transform

SOURCE_OFFSET = "src.offset"
"""Header of a transformed record: the offset of the record that it was made from, in ASCII digits."""

_PAUSE_SECONDS_MAX = 15.0
_OBSERVE_SECONDS = 2.0

Batch = Mapping[TopicPartition, Sequence[Message]]
log = structlog.get_logger(__name__)


class Stopped(Exception):
    """The stop event was set while a server was being waited for; the batch stays uncommitted."""


def run(stage: Stage, broker: Broker, context: Context, stop: threading.Event) -> None:
    """Run ``stage`` as one member of its group until ``stop`` is set, then give its partitions up.

    Raises RetentionLoss when unread records have expired, and whatever fault of ours ends the process; both leave the
    batch uncommitted, so that a supervisor may simply start the process again.
    """
    loop = _Loop(stage.name, context, stop)
    worker: _Worker | None = None
    try:
        worker = loop.patiently(lambda: _WORKERS[type(stage)](stage, broker, context, loop))
        while not stop.is_set():
            loop.turn(worker)
    except Stopped:
        log.info("stopped while a server was away", stage=stage.name)
    finally:
        if worker is not None:
            worker.close()


def group_of(stage: Stage) -> str:
    """The consumer group of a stage."""
    return f"wirewatch.{stage.name}"


class _Worker(Protocol):
    consumer: Consumer

    def process(self, batch: Batch) -> None: ...

    def recover(self) -> None: ...

    def close(self) -> None: ...


class _Loop:
    """One turn of the loop, the waiting for servers, and what the loop shows of itself."""

    def __init__(self, name: str, context: Context, stop: threading.Event) -> None:
        self._name = name
        self._settings = context.settings
        self._metrics = context.metrics
        self._stop = stop
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._observe_due = 0.0

    def turn(self, worker: _Worker) -> None:
        batch = self.patiently(
            lambda: worker.consumer.poll(self._settings.poll_seconds, self._settings.batch_messages_max)
        )
        self._metrics.last_poll.set_to_current_time()
        if batch:
            started = time.perf_counter()
            worker.process(batch)
            self._metrics.stage_duration.labels(self._name).observe(time.perf_counter() - started)
            self._metrics.batch_size.observe(sum(map(len, batch.values())))
            for where, messages in batch.items():
                self._metrics.consumed.labels(where.topic).inc(len(messages))
        if time.monotonic() >= self._observe_due:
            self._observe(worker.consumer)

    def patiently(self, call: Callable[[], Any], recover: Callable[[], None] = lambda: None) -> Any:
        """The result of ``call``, tried until the server answers. Raises Stopped when we are told to stop."""

        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            pause = round(state.next_action.sleep, 1) if state.next_action else 0
            log.warning("waiting for a server", stage=self._name, error=str(error), seconds=pause)
            self._metrics.stage_failures.labels(self._name, type(error).__name__).inc()
            recover()

        retrying = Retrying(
            retry=retry_if_exception_type(Transient),
            wait=wait_random_exponential(multiplier=0.2, max=_PAUSE_SECONDS_MAX),
            sleep=sleep_using_event(self._stop),
            stop=stop_when_event_set(self._stop),
            before_sleep=note,
            retry_error_callback=_stopped,
        )
        return retrying(call)

    def commit(self, worker: _Worker, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit; a refusal is no fault: the new owner reads again what we did, and repeats are recognised."""
        try:
            self.patiently(lambda: worker.consumer.commit(offsets))
        except Rebalanced as moved:
            self._metrics.commit_failures.inc()
            log.info("the group has changed", stage=self._name, why=str(moved))

    def _observe(self, consumer: Consumer) -> None:
        assigned = consumer.assignment()
        for event, changed in (("assigned", assigned - self._assigned), ("revoked", self._assigned - assigned)):
            if changed:
                self._metrics.rebalances.labels(event).inc()
                log.info(f"partitions {event}", stage=self._name, partitions=len(changed))
        for where in self._assigned - assigned:
            self._metrics.lag.remove(where.topic, str(where.partition))
        self._assigned = assigned
        for where, behind in self.patiently(consumer.lag).items():
            self._metrics.lag.labels(where.topic, str(where.partition)).set(behind)
        self._observe_due = time.monotonic() + _OBSERVE_SECONDS


def _stopped(state: RetryCallState) -> None:
    raise Stopped from state.outcome.exception() if state.outcome else None


class _TransformWorker:
    def __init__(self, stage: Transform[Any, Any], broker: Broker, context: Context, loop: _Loop) -> None:
        self._stage = stage
        self._broker = broker
        self._metrics = context.metrics
        self._loop = loop
        self._apply: Apply[Any, Any] = stage.open(context)
        self._producer: Producer = broker.producer()
        self.consumer: Consumer = broker.consumer(group_of(stage), [stage.reads.name])

    def process(self, batch: Batch) -> None:
        messages = [message for messages in batch.values() for message in messages]
        outputs, letters = self._transform(messages)
        self._loop.patiently(lambda: self._deliver(messages, outputs, letters), self.recover)
        self._loop.commit(self, {where: messages[-1].offset + 1 for where, messages in batch.items()})

    def _transform(self, messages: Sequence[Message]) -> tuple[list[Any], list[tuple[Message, Rejected]]]:
        """One output per message, in order, and the dead letters among them."""
        stage = self._stage
        decoded = [_decoded(stage.reads, message) for message in messages]
        received = [item for item in decoded if isinstance(item, Received)]
        results = iter(self._apply(received) if received else ())
        outputs, letters = [], []
        for message, item in zip(messages, decoded, strict=True):
            result = next(results) if isinstance(item, Received) else item
            if isinstance(result, Rejected):
                if isinstance(item, Received) or stage.dead_letters_undecodable:
                    letters.append((message, result))
                result = stage.mark(Marked(message, "dlq", result.reason))
            outputs.append(result)
            self._metrics.stage_records.labels(stage.name, result.status).inc()
        return outputs, letters

    def _deliver(
        self, messages: Sequence[Message], outputs: Sequence[Any], letters: Sequence[tuple[Message, Rejected]]
    ) -> None:
        if letters:
            _bury(self._producer, self._stage.name, letters, self._metrics)
        stage = self._stage
        for message, output in zip(messages, outputs, strict=True):
            key = stage.key(output)
            self._producer.send(
                stage.writes.name,
                stage.writes.encode(output),
                key=key.encode() if key is not None else message.key,
                headers=((SOURCE_OFFSET, b"%d" % message.offset),),
                partition=message.partition,
            )
        self._producer.flush()

    def recover(self) -> None:
        """A producer that failed once is not trusted again: batches of it may still be under way."""
        self._producer.close()
        self._producer = self._broker.producer()

    def close(self) -> None:
        self._producer.close()
        self.consumer.close()


class _SinkWorker:
    def __init__(self, stage: Sink[Any], broker: Broker, context: Context, loop: _Loop) -> None:
        self._stage = stage
        self._metrics = context.metrics
        self._loop = loop
        self._topics = {topic.name: topic for topic in stage.reads}
        self._store: Store[Any] = stage.open(context)
        self._expected: dict[TopicPartition, int] = {}
        self._broker = broker
        self._producer: Producer = broker.producer()
        positions: Positions = self._positions
        self.consumer: Consumer = broker.consumer(group_of(stage), list(self._topics), positions)

    def _positions(self, partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """What the store has applied so far decides where reading starts; the broker's own commit is only for lag."""
        known = self._store.positions(partitions)
        self._expected.update({where: known.get(where, 0) for where in partitions})
        return known

    def process(self, batch: Batch) -> None:
        done: dict[TopicPartition, int] = {}
        for where, messages in batch.items():
            following = messages[-1].offset + 1
            stored = self._apply(where, messages, following)
            self._expected[where] = stored
            if stored == following:
                done[where] = following
            else:
                log.warning("the store stands elsewhere", partition=where, ours=following, stored=stored)
                self._metrics.stage_failures.labels(self._stage.name, "mismatch").inc()
                self.consumer.seek(where, stored)
        if done:
            self._loop.commit(self, done)

    def _apply(self, where: TopicPartition, messages: Sequence[Message], following: int) -> int:
        decoded = [_decoded(self._topics[where.topic], message) for message in messages]
        letters = [(m, item) for m, item in zip(messages, decoded, strict=True) if isinstance(item, Rejected)]
        if letters:
            self._loop.patiently(lambda: _bury(self._producer, self._stage.name, letters, self._metrics), self.recover)
        received = [item for item in decoded if isinstance(item, Received)]
        stored = self._loop.patiently(lambda: self._store.apply(where, self._expected[where], following, received))
        outcome = "applied" if stored == following else "refused"
        self._metrics.stage_records.labels(self._stage.name, outcome).inc(len(messages))
        return int(stored)

    def recover(self) -> None:
        self._producer.close()
        self._producer = self._broker.producer()

    def close(self) -> None:
        self._producer.close()
        self.consumer.close()
        self._store.close()


class _RelayWorker:
    def __init__(self, stage: Relay[Any], broker: Broker, context: Context, loop: _Loop) -> None:
        self._stage = stage
        self._metrics = context.metrics
        self._loop = loop
        self._broker = broker
        self._producer: Producer = broker.producer()
        self.consumer: Consumer = stage.open(context)

    def process(self, batch: Batch) -> None:
        self._loop.patiently(lambda: self._deliver(batch), self.recover)
        self._loop.commit(self, {where: messages[-1].offset + 1 for where, messages in batch.items()})
        self._metrics.stage_records.labels(self._stage.name, "relayed").inc(sum(map(len, batch.values())))

    def _deliver(self, batch: Batch) -> None:
        for messages in batch.values():
            for message in messages:
                self._producer.send(self._stage.writes.name, message.value, key=message.key)
        self._producer.flush()

    def recover(self) -> None:
        self._producer.close()
        self._producer = self._broker.producer()

    def close(self) -> None:
        self._producer.close()
        self.consumer.close()


_WORKERS: dict[type, Callable[..., _Worker]] = {
    Transform: _TransformWorker,
    Sink: _SinkWorker,
    Relay: _RelayWorker,
}


def _decoded(topic: Any, message: Message) -> Received[Any] | Rejected:
    try:
        return Received(decode(topic, message.value), message)
    except Rejected as rejected:
        return rejected


def _bury(producer: Producer, stage: str, letters: Sequence[tuple[Message, Rejected]], metrics: Any) -> None:
    """Dead-letter and wait for the acknowledgement, so that no offset is passed before its letter is safe."""
    for message, rejected in letters:
        dead_letters.send(
            producer,
            value=message.value,
            reason=rejected.reason,
            detail=rejected.detail,
            stage=stage,
            message=message,
            exception=rejected.__cause__,
        )
    producer.flush()
    for _, rejected in letters:
        metrics.dead_letters.labels(rejected.reason).inc()
