"""Drives a transform whose work is done in worker processes: results come in any order and are written in order.

What is under way is bounded: when there is too much, partitions are paused, and polling goes on, so that the member
stays in its group. Per partition there is a lane: its records in order, from the first that is not written yet. Where
the group has changed, the lane no longer fits the position that reading has, and is dropped with what is under way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from wirewatch.broker import Broker, GroupConsumer, Message, TopicPartition
from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.metrics import Metrics
from wirewatch.outlet import Loop, Outlet
from wirewatch.settings import Settings
from wirewatch.stage import Context, Received, Transform, group_of
from wirewatch.transforming import Packing, decoded
from wirewatch.worker_pool.pool import Done, Pool, WorkerPool
from wirewatch.worker_pool.wire import Result

_JOBS_PER_WORKER = 4.0
_FINISH_SECONDS_MAX = 6.0

log = structlog.get_logger(__name__)


class _Entry:
    """A record under way, and its result once there is one."""

    __slots__ = ("item", "message", "outcome", "share")

    def __init__(self, item: Received[Any] | Rejected, message: Message, share: float) -> None:
        self.item = item
        self.message = message
        self.share = share
        self.outcome: Any = item if isinstance(item, Rejected) else None


class _Lane:
    """The records of one partition that are read and not yet written."""

    def __init__(self, following: int) -> None:
        self.entries: deque[_Entry] = deque()
        self.following = following
        self.share = 0.0

    def add(self, entries: Sequence[_Entry]) -> None:
        self.entries.extend(entries)
        self.following = entries[-1].message.offset + 1
        self.share += sum(entry.share for entry in entries)

    def take_done(self) -> list[_Entry]:
        """Remove and return the records from the first on that have their results."""
        done = []
        while self.entries and self.entries[0].outcome is not None:
            done.append(self.entries.popleft())
        # Not by subtraction alone: rounding would leave crumbs.
        self.share = self.share - sum(entry.share for entry in done) if self.entries else 0.0
        return done


class PipelinedWorker:
    """See workers.Worker."""

    def __init__(
        self,
        stage: Transform[Any, Any],
        broker: Broker,
        context: Context,
        loop: Loop,
        outlet: Outlet,
        open_pool: Callable[[str, Settings, Metrics], Pool] = WorkerPool,
    ) -> None:
        assert stage.apart is not None  # noqa: S101 - what makes a stage one for this worker
        self._stage = stage
        self._settings = context.settings
        self._metrics = context.metrics
        self._loop = loop
        self._outlet = outlet
        self._packing = Packing(stage, context)
        self._lanes: dict[TopicPartition, _Lane] = {}
        self._paused: frozenset[TopicPartition] = frozenset()
        self.consumer: GroupConsumer = broker.consumer(group_of(stage), [stage.reads.name])
        self._pool = open_pool(stage.apart, context.settings, context.metrics)
        self._limit = _JOBS_PER_WORKER * self._pool.size

    @property
    def busy(self) -> bool:
        """Whether results are awaited."""
        return bool(self._lanes)

    def process(self, batch: Mapping[TopicPartition, Sequence[Message]]) -> None:
        fresh: list[_Entry] = []
        for where, messages in batch.items():
            lane = self._lanes.get(where)
            if lane is None or lane.following != messages[0].offset:
                lane = self._lanes[where] = _Lane(messages[0].offset)
            entries = [self._entry(message) for message in messages]
            lane.add(entries)
            fresh += [entry for entry in entries if entry.outcome is None]
        for job in jobs(fresh):
            self._pool.submit(job, [entry.message for entry in job])

    def tend(self) -> None:
        self._drop_what_is_not_ours()
        for done in self._pool.collect():
            self._note(done)
        self._write()
        held = {where: self._share(where) for where in self.consumer.assignment()}
        self._paused = to_pause(held, self._paused, self._limit)
        self.consumer.pause(self._paused)

    def finish(self) -> None:
        """Wait for the jobs that workers have, and write what is then complete; the rest is read again."""
        self._pool.finish(_FINISH_SECONDS_MAX)
        for done in self._pool.collect():
            self._note(done)
        self._write()

    def close(self) -> None:
        self._pool.close()
        self._outlet.close()
        self.consumer.close()

    def _entry(self, message: Message) -> _Entry:
        share = max(1 / self._settings.worker_job_documents, len(message.value) / self._settings.worker_job_bytes)
        return _Entry(decoded(self._stage.reads, message), message, share)

    def _share(self, where: TopicPartition) -> float:
        lane = self._lanes.get(where)
        return lane.share if lane else 0.0

    def _drop_what_is_not_ours(self) -> None:
        for where, lane in list(self._lanes.items()):
            if self.consumer.position(where) != lane.following:
                log.info("work under way is dropped", stage=self._stage.name, partition=where.partition)
                del self._lanes[where]

    def _note(self, done: Done) -> None:
        self._metrics.stage_duration.labels(self._stage.name).observe(done.seconds)
        for entry, result in zip(done.ticket, done.results, strict=True):
            entry.outcome = self._outcome(result)

    def _outcome(self, result: Result) -> Any:
        if result.reason is not None:
            return Rejected(result.reason, result.detail, ours=result.ours)
        return decode(self._stage.writes, result.value)

    def _write(self) -> None:
        """Write what is complete from the front of each lane, and commit it once it is acknowledged."""
        done = {where: entries for where, lane in self._lanes.items() if (entries := lane.take_done())}
        if not done:
            return
        flat = [entry for entries in done.values() for entry in entries]
        outputs, letters = self._packing.pack((entry.item, entry.message, entry.outcome) for entry in flat)
        self._outlet.bury(letters)
        self._outlet.deliver(self._stage.writes.name, outputs)
        self._loop.commit(self.consumer, {where: own[-1].message.offset + 1 for where, own in done.items()})
        for where in done:
            if not self._lanes[where].entries:
                del self._lanes[where]


def jobs(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """Cut into jobs: each the largest run whose shares come to no more than one job, or a single larger record."""
    job: list[_Entry] = []
    share = 0.0
    for entry in entries:
        # Rounding must not make the last of 32 thirty-seconds one too many.
        if job and share + entry.share > 1 + 1e-9:
            yield job
            job, share = [], 0.0
        job.append(entry)
        share += entry.share
    if job:
        yield job


def to_pause(
    held: Mapping[TopicPartition, float], paused: frozenset[TopicPartition], limit: float
) -> frozenset[TopicPartition]:
    """Which partitions to pause, of all that are ours, from the work held of each and ``limit``, both in jobs.

    All at the limit, until half of it is left. One that holds half of it alone, since a record of it takes long, until
    it holds a quarter: the others then still flow.
    """
    total = sum(held.values())
    if total >= limit or (total >= limit / 2 and paused >= held.keys() and held):
        return frozenset(held)
    return frozenset(w for w, share in held.items() if share >= (limit / 4 if w in paused else limit / 2))
