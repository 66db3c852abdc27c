"""What the runner does with a batch, one worker per kind of stage (see stage.py)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog

from wirewatch.broker import Broker, Consumer, GroupConsumer, Message, TopicPartition
from wirewatch.errors import Fenced, Rebalanced, Rejected
from wirewatch.fault_limit import FaultLimit
from wirewatch.outlet import Loop, Outlet
from wirewatch.pipelined import PipelinedWorker
from wirewatch.stage import Apply, Context, PathStage, Received, Relay, Sink, Store, Transform, group_of
from wirewatch.transforming import RECORD_BYTES_MAX, SOURCE_OFFSET, Packing, decoded

__all__ = ["RECORD_BYTES_MAX", "SOURCE_OFFSET", "Worker", "group_of", "open_worker"]

Batch = Mapping[TopicPartition, Sequence[Message]]

_COMPARE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Worker(Protocol):
    """A stage, opened."""

    @property
    def busy(self) -> bool:
        """True while work is under way elsewhere, so that the loop turns more often."""
        ...

    @property
    def consumer(self) -> Consumer: ...

    def process(self, batch: Batch) -> None:
        """Do a batch; it may be finished in a later ``tend``."""
        ...

    def tend(self) -> None:
        """Called every turn, after ``process`` if anything came."""
        ...

    def finish(self) -> None:
        """Asked to stop: bring what is nearly done to its end, within seconds."""
        ...

    def close(self) -> None: ...


def open_worker(stage: PathStage, broker: Broker, context: Context, loop: Loop) -> Worker:
    """The worker for this kind of stage, connected. Raises Transient when a server is away; try again then."""
    outlet = Outlet(stage.name, broker, context.metrics, loop)
    try:
        if isinstance(stage, Transform):
            if stage.apart:
                return PipelinedWorker(stage, broker, context, loop, outlet)
            return _TransformWorker(stage, broker, context, loop, outlet)
        if isinstance(stage, Sink):
            return _SinkWorker(stage, broker, context, loop, outlet)
        return _RelayWorker(stage, context, loop, outlet)
    except BaseException:
        outlet.close()
        raise


class _AtOnce:
    """A worker that has done a batch when ``process`` returns."""

    busy = False

    def tend(self) -> None:
        """Nothing is under way."""

    def finish(self) -> None:
        """Nothing is under way."""


class _TransformWorker(_AtOnce):
    def __init__(
        self, stage: Transform[Any, Any], broker: Broker, context: Context, loop: Loop, outlet: Outlet
    ) -> None:
        self._stage = stage
        self._loop = loop
        self._outlet = outlet
        self._packing = Packing(stage, context)
        self.consumer: Consumer = broker.consumer(group_of(stage), [stage.reads.name])
        self._apply: Apply[Any, Any] = stage.open(context)

    def process(self, batch: Batch) -> None:
        messages = [message for messages in batch.values() for message in messages]
        items = [decoded(self._stage.reads, message) for message in messages]
        received = [item for item in items if isinstance(item, Received)]
        results = iter(self._apply(received) if received else ())
        outcomes = [next(results) if isinstance(item, Received) else item for item in items]
        outputs, letters = self._packing.pack(zip(items, messages, outcomes, strict=True))
        self._outlet.bury(letters)
        self._outlet.deliver(self._stage.writes.name, outputs)
        self._loop.commit(self.consumer, {where: own[-1].offset + 1 for where, own in batch.items()})

    def close(self) -> None:
        self._outlet.close()
        self.consumer.close()


class _SinkWorker(_AtOnce):
    def __init__(self, stage: Sink[Any], broker: Broker, context: Context, loop: Loop, outlet: Outlet) -> None:
        self._stage = stage
        self._metrics = context.metrics
        self._loop = loop
        self._outlet = outlet
        self._limit = FaultLimit(stage.name, context.settings, context.metrics)
        self._topics = {topic.name: topic for topic in stage.reads}
        self._store: Store[Any] = stage.open(context)
        self._expected: dict[TopicPartition, int] = {}
        self._compare_due = 0.0
        self._outages = 0
        self.consumer: GroupConsumer = broker.consumer(group_of(stage), list(self._topics), self._positions)

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
                if stored:
                    self.consumer.seek(where, stored)
                else:  # it holds nothing of this partition: where that begins is for the log to say
                    self.consumer.restart()
        if done:
            self._loop.commit(self.consumer, done)

    def tend(self) -> None:
        """See whether the store has lost what it had applied, as after a crash of it; also while nothing comes."""
        if self._outages == self._loop.outages and time.monotonic() < self._compare_due:
            return
        self._outages = self._loop.outages
        self._compare_due = time.monotonic() + _COMPARE_SECONDS
        assigned = self.consumer.assignment()
        stored = self._loop.patiently(lambda: self._store.positions(assigned)) if assigned else {}
        lost = {w: self._expected[w] for w in assigned if stored.get(w, 0) < self._expected.get(w, 0)}
        if lost:
            log.warning("the store has lost its tail: reading it again", partitions=len(lost))
            self._metrics.stage_failures.labels(self._stage.name, "lost-tail").inc()
            self.consumer.restart()

    def _apply(self, where: TopicPartition, messages: Sequence[Message], following: int) -> int:
        items = [decoded(self._topics[where.topic], message) for message in messages]
        for item in items:
            if isinstance(item, Rejected):
                item.ours = True  # only stages of ours write what a sink reads: no sender is to blame
        self._limit.admit(zip(messages, items, strict=True))
        self._outlet.bury([(m, item) for m, item in zip(messages, items, strict=True) if isinstance(item, Rejected)])
        received = [item for item in items if isinstance(item, Received)]
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


class _RelayWorker(_AtOnce):
    def __init__(self, stage: Relay[Any], context: Context, loop: Loop, outlet: Outlet) -> None:
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
