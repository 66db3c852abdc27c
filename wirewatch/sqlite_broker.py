"""The embedded broker: the broker seam over a log in SQLite, for one machine, with no server to run.

Delivery is as with Kafka: durable once ``flush`` returned, at least once for consumers. It is no Kafka server.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from wirewatch import broker
from wirewatch.broker import Delivery, Headers, Message, Positions, TopicPartition, TopicSpec
from wirewatch.errors import BrokerUnavailable, Rebalanced, RetentionLoss, UserError
from wirewatch.sqlite_group import Membership, committed
from wirewatch.sqlite_log import Entry, SqliteLog, now_ms

_QUEUE_BYTES_MAX = 8 << 20
_BEAT_SECONDS = 1.0
_LOOK_SECONDS = 0.005
_RETENTION_SECONDS = 60.0


class SqliteBroker:
    """Opens clients of the log in one file."""

    def __init__(self, path: Path) -> None:
        self.name = f"embedded log at {path}"
        self._path = path

    def producer(self) -> SqliteProducer:
        return SqliteProducer(SqliteLog(self._path))

    def consumer(self, group: str, topics: Sequence[str], positions: Positions | None = None) -> SqliteConsumer:
        """Raises UserError when a topic does not exist."""
        return SqliteConsumer(SqliteLog(self._path), group, topics, positions)

    def admin(self) -> SqliteAdmin:
        return SqliteAdmin(SqliteLog(self._path))


class _Delivery:
    __slots__ = ("failure", "offset", "partition")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.offset: int | None = None
        self.failure: BrokerUnavailable | None = None

    def position(self) -> tuple[int, int]:
        if self.offset is None:
            raise self.failure or BrokerUnavailable("the record was not flushed")
        return self.partition, self.offset


class SqliteProducer:
    """Collects records and appends them in one transaction at ``flush``; concurrent flushes share transactions."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._queue: list[tuple[Entry, _Delivery]] = []
        self._queue_bytes = 0
        self._next_unkeyed = 0
        self._partitions: dict[str, int] = {}
        self._retention_due = 0.0

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Delivery:
        """See broker.Producer. Raises UserError when there is no such topic."""
        with self._queue_lock:
            delivery = _Delivery(self._partition(topic, key) if partition is None else partition)
            self._queue.append((Entry(topic, delivery.partition, key, value, headers), delivery))
            self._queue_bytes += len(value)
            full = self._queue_bytes > _QUEUE_BYTES_MAX
        if full:
            self.flush()
        return delivery

    def flush(self, timeout_seconds: float = 30.0) -> None:  # noqa: ARG002 - SQLite's own busy time-out bounds it
        with self._write_lock:
            with self._queue_lock:
                queue, self._queue, self._queue_bytes = self._queue, [], 0
            if queue:
                self._write(queue)
            if time.monotonic() >= self._retention_due:
                self._log.drop_expired(now_ms())
                self._retention_due = time.monotonic() + _RETENTION_SECONDS

    def close(self) -> None:
        self.flush()
        self._log.close()

    def _write(self, queue: Sequence[tuple[Entry, _Delivery]]) -> None:
        try:
            offsets = self._log.append([entry for entry, _ in queue])
        except BrokerUnavailable as error:
            for _, delivery in queue:
                delivery.failure = error
            raise
        for (_, delivery), offset in zip(queue, offsets, strict=True):
            delivery.offset = offset

    def _partition(self, topic: str, key: bytes | None) -> int:
        if topic not in self._partitions:
            with self._write_lock:
                count = self._log.partitions(topic)
            if not count:
                raise UserError(f"there is no topic {topic}: run `wirewatch topics create`")
            self._partitions[topic] = count
        if key is not None:
            return zlib.crc32(key) % self._partitions[topic]
        self._next_unkeyed += 1
        return self._next_unkeyed % self._partitions[topic]


class SqliteConsumer:
    """A member of a consumer group; every change of the group starts all its partitions from their positions."""

    def __init__(self, log: SqliteLog, group: str, topics: Sequence[str], positions: Positions | None) -> None:
        missing = [topic for topic in topics if not log.partitions(topic)]
        if missing:
            raise UserError(f"there is no topic {missing[0]}: run `wirewatch topics create`")
        self._log = log
        self._group = group
        self._positions = positions
        self._membership = Membership(log, group, topics)
        self._next: dict[TopicPartition, int] = {}
        self._unplaced: frozenset[TopicPartition] | None = None
        self._paused: frozenset[TopicPartition] = frozenset()
        self._beat_due = 0.0
        self._turn = 0

    def poll(self, timeout_seconds: float, messages_max: int) -> Mapping[TopicPartition, Sequence[Message]]:
        deadline = time.monotonic() + timeout_seconds
        seen: int | None = None
        while True:
            self._keep_membership()
            version = self._log.data_version()
            if version != seen and (found := self._fetch(messages_max)):
                return found
            seen = version
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return {}
            # Another process's commit shows only in the file: look at its version every few milliseconds.
            time.sleep(min(_LOOK_SECONDS, remaining))

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._next)

    def membership(self) -> broker.Membership:
        return broker.Membership(self._membership.generation, self._membership.member)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition in self._next:
            self._next[partition] = offset

    def position(self, partition: TopicPartition) -> int | None:
        return self._next.get(partition)

    def pause(self, partitions: frozenset[TopicPartition]) -> None:
        self._paused = partitions & self._next.keys()

    def restart(self) -> None:
        if self._unplaced is None:
            self._next, self._unplaced, self._paused = {}, frozenset(self._next), frozenset()

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        for where in offsets:
            if where not in self._next:
                raise Rebalanced(f"{where.topic}/{where.partition} is not ours any more")
        try:
            self._membership.commit(offsets)
        except Rebalanced:
            self._beat_due = 0.0
            raise

    def lag(self) -> Mapping[TopicPartition, int]:
        ends = self._ends()
        return {where: max(0, ends[where][1] - offset) for where, offset in self._next.items()}

    def close(self) -> None:
        self._membership.leave()
        self._log.close()

    def _keep_membership(self) -> None:
        if time.monotonic() >= self._beat_due:
            assigned = self._membership.beat()
            self._beat_due = time.monotonic() + _BEAT_SECONDS
            if assigned is not None:
                self._next, self._unplaced, self._paused = {}, assigned, frozenset()
        if self._unplaced is not None:
            # May raise, as the store may be away: then the next poll asks it again.
            self._next = self._start(self._unplaced)
            self._unplaced = None

    def _start(self, assigned: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
        if self._positions is not None:
            known = dict(self._positions(assigned))
        else:
            known = {
                TopicPartition(topic, partition): offset
                for topic in {where.topic for where in assigned}
                for partition, offset in committed(self._log, self._group, topic).items()
            }
        ends = {where: self._log.offsets(where.topic)[where.partition] for where in assigned}
        for where, (first, end) in ends.items():
            if known.get(where, first) > end:
                raise RetentionLoss(
                    f"{where.topic}/{where.partition}: group {self._group} stands at {known[where]}, "
                    f"but the log ends at {end}: it is another log than the one that was read before"
                )
            if known.get(where, first) < first:
                raise RetentionLoss(
                    f"{where.topic}/{where.partition}: group {self._group} stands at {known[where]}, "
                    f"but the log begins at {first}: unread records have expired"
                )
        return {where: known.get(where, first) for where, (first, _) in ends.items()}

    def _ends(self) -> Mapping[TopicPartition, tuple[int, int]]:
        return {
            TopicPartition(topic, partition): ends
            for topic in {where.topic for where in self._next}
            for partition, ends in self._log.offsets(topic).items()
        }

    def _fetch(self, messages_max: int) -> Mapping[TopicPartition, Sequence[Message]]:
        ends = self._ends()
        waiting = sorted(
            where for where, offset in self._next.items() if offset < ends[where][1] and where not in self._paused
        )
        if not waiting:
            return {}
        # Start one further each time, so that a busy partition cannot starve the others.
        self._turn += 1
        start = self._turn % len(waiting)
        found: dict[TopicPartition, Sequence[Message]] = {}
        left = messages_max
        for where in waiting[start:] + waiting[:start]:
            messages = self._log.read(where, self._next[where], left)
            if messages:
                if messages[0].offset != self._next[where]:
                    raise RetentionLoss(
                        f"{where.topic}/{where.partition}: group {self._group} stands at {self._next[where]}, but the "
                        f"log begins at {messages[0].offset}: unread records have expired"
                    )
                found[where] = messages
                self._next[where] = messages[-1].offset + 1
                left -= len(messages)
            if left <= 0:
                break
        return found


class SqliteAdmin:
    """Topics and positions of the embedded log."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log

    def create_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        return self._log.create(specs)

    def partitions(self, topic: str) -> int:
        return self._log.partitions(topic)

    def offsets(self, topic: str) -> Mapping[int, tuple[int, int]]:
        return self._log.offsets(topic)

    def committed(self, group: str, topic: str) -> Mapping[int, int]:
        return committed(self._log, group, topic)

    def read(self, topic: str, partition: int, start: int, messages_max: int) -> Sequence[Message]:
        return self._log.read(TopicPartition(topic, partition), start, messages_max)

    def close(self) -> None:
        self._log.close()
