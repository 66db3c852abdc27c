"""Reads from Kafka as a member of a consumer group, from positions that are ours to decide."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, errors
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from wirewatch.broker import Membership, Message, Positions, TopicPartition
from wirewatch.errors import Rebalanced, RetentionLoss
from wirewatch.kafka_broker.connection import Connection, no_topic
from wirewatch.kafka_broker.joining import repair_joins
from wirewatch.kafka_broker.polling import repair_poll

READ_OPTIONS: dict[str, Any] = {
    "enable_auto_commit": False,
    # Not 'earliest': that would jump over records that expired unread without a word.
    "auto_offset_reset": "none",
    "allow_auto_create_topics": False,
    "check_crcs": True,
    "fetch_max_bytes": 16 << 20,
    "fetch_max_wait_ms": 250,
    # As the producer: a connection that has gone silent is given up after it.
    "request_timeout_ms": 15_000,
    "metrics_enabled": False,
}
# A member that waits longer, as for Redis, leaves its group and joins again afterwards. Not the usual five minutes: for
# so long the client also waits for the answer to a join, on a connection that has gone silent too.
_MAX_POLL_INTERVAL_MS = 60_000
_HEARTBEAT_MS = 3_000
_ANSWER_MS_MAX = 10_000
_CLOSE_MS_MAX = 3_000
_SLICE_SECONDS = 0.1

_MOVED_ON = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.RebalanceInProgressError,
    errors.UnknownMemberIdError,
    errors.FencedInstanceIdError,
)
_OUT_OF_LOG = (errors.OffsetOutOfRangeError, errors.LogTruncationError)


class _Recorder(ConsumerRebalanceListener):
    """Runs on the client's own thread, where blocking calls are forbidden: it only stops reading and takes note."""

    def __init__(self, consumer: KafkaGroupConsumer) -> None:
        self._consumer = consumer

    def on_partitions_revoked(self, revoked: Collection[KafkaPartition]) -> None:  # noqa: ARG002
        self._consumer.give_up()

    def on_partitions_assigned(self, assigned: Collection[KafkaPartition]) -> None:
        self._consumer.set_aside(assigned)


class KafkaGroupConsumer:
    """See broker.Consumer. After every change of the group all our partitions start from their positions again, those
    that we keep too: the client would go on from memory, and another member may have been there meanwhile."""

    def __init__(
        self,
        connection: Connection,
        group: str,
        topics: Sequence[str],
        positions: Positions | None,
        session_timeout_ms: int,
    ) -> None:
        self._connection = connection
        self._group = group
        self._positions = positions
        self._next: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        # Counted up by the listener, on the client's thread, whenever the group changes. Partitions are placed for one
        # epoch; when another began meanwhile, that placing is void and is done again, and no change can be missed.
        self._epoch = 0
        self._placed_epoch = 0
        self._settled = False
        self._client: Any = connection.open(
            KafkaConsumer,
            group_id=group,
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=min(_HEARTBEAT_MS, session_timeout_ms // 3),
            max_poll_interval_ms=max(_MAX_POLL_INTERVAL_MS, session_timeout_ms),
            # Eager on purpose: the cooperative protocol is new in this client.
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            **READ_OPTIONS,
        )
        repair_joins(self._client, session_timeout_ms / 1000)
        repair_poll(self._client)
        try:
            self._subscribe(topics)
        except BaseException:
            self.close()
            raise

    def poll(self, timeout_seconds: float, messages_max: int) -> Mapping[TopicPartition, Sequence[Message]]:
        """See broker.Consumer. Raises RetentionLoss when what we were to read has left the log, BrokerUnavailable, and
        whatever the ``positions`` callback raises; all of them leave the position as it was."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            while self._settled and self._placed_epoch != self._epoch:
                self._place()
            remaining = max(0.0, deadline - time.monotonic())
            # In slices, so that partitions which arrive meanwhile are placed soon.
            found = self._fetch(int(min(remaining, _SLICE_SECONDS) * 1000), messages_max)
            if found or time.monotonic() >= deadline:
                return found

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._next)

    def membership(self) -> Membership:
        told = self._client.group_metadata()
        return Membership(told.generation_id, told.member_id)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition in self._next:
            self._client.seek(KafkaPartition(*partition), offset)
            self._next[partition] = offset

    def position(self, partition: TopicPartition) -> int | None:
        return self._next.get(partition)

    def pause(self, partitions: frozenset[TopicPartition]) -> None:
        ours = self._next  # what is not placed yet stays paused, whatever we are told
        for partition in ours:
            change = self._client.pause if partition in partitions else self._client.resume
            with suppress(KeyError):  # the client's own thread has just given it up
                change(KafkaPartition(*partition))

    def restart(self) -> None:
        self._next = {}
        self._placed_epoch = -1

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        strange = [partition for partition in offsets if partition not in self._next]
        if strange:
            # Kafka takes a member's commit for any partition, also for one that it has lost.
            raise Rebalanced(f"{_shown(strange[0])} is not ours any more")
        stored = {KafkaPartition(*partition): OffsetAndMetadata(offset) for partition, offset in offsets.items()}
        with self._connection.answering():
            try:
                self._client.commit(stored, timeout_ms=_ANSWER_MS_MAX)
            except _MOVED_ON as error:
                raise Rebalanced(f"group {self._group} has changed: {error}") from error

    def lag(self) -> Mapping[TopicPartition, int]:
        """See broker.Consumer. From the end that the last fetch told; asks nobody."""
        return {
            partition: max(0, max(self._ends[partition], self._told_end(partition)) - offset)
            for partition, offset in self._next.items()
        }

    def close(self) -> None:
        # The group finds out by itself when the broker cannot be told.
        with suppress(errors.KafkaError):
            self._client.close(autocommit=False, timeout_ms=_CLOSE_MS_MAX)
        self._next = {}

    def give_up(self) -> None:
        """For the listener: none of our partitions is surely ours until the group has settled."""
        self._settled = False
        self._epoch += 1
        self._next = {}

    def set_aside(self, assigned: Iterable[KafkaPartition]) -> None:
        """For the listener: nothing is read of ``assigned`` until ``poll`` has placed it."""
        for partition in assigned:
            # Any position will do while paused: without one the client would look for it, and fail.
            self._client.seek(partition, 0)
            self._client.pause(partition)
        self._epoch += 1
        self._settled = True

    def _subscribe(self, topics: Sequence[str]) -> None:
        with self._connection.answering():
            for topic in topics:
                if not self._client.partitions_for_topic(topic):
                    raise no_topic(topic)
            self._client.subscribe(list(topics), listener=_Recorder(self))

    def _place(self) -> None:
        """Give every partition its position, and let it be read; or nothing, where the group changes meanwhile."""
        epoch = self._epoch
        assigned = [KafkaPartition(*partition) for partition in self._client.assignment()]
        with self._connection.answering():
            firsts = self._client.beginning_offsets(assigned, _ANSWER_MS_MAX) if assigned else {}
            ends = self._client.end_offsets(assigned, _ANSWER_MS_MAX) if assigned else {}
        ours = {TopicPartition(*partition): firsts[partition] for partition in assigned}
        known = self._positions(frozenset(ours)) if self._positions is not None else self._committed(assigned)
        placed = {partition: known.get(partition, first) for partition, first in ours.items()}
        for partition, offset in placed.items():
            self._check_in_log(partition, offset, ours[partition], ends[partition])
        if epoch != self._epoch:
            return
        try:
            for partition, offset in placed.items():
                self._client.seek(KafkaPartition(*partition), offset)
            self._client.resume(*assigned)
        except (ValueError, KeyError):
            if epoch == self._epoch:
                raise
            return  # one of them was taken away between the question and the seek
        self._ends = {TopicPartition(*partition): end for partition, end in ends.items()}
        self._next = placed
        self._placed_epoch = epoch

    def _committed(self, assigned: Iterable[KafkaPartition]) -> dict[TopicPartition, int]:
        found = {}
        with self._connection.answering():
            for partition in assigned:
                offset = self._client.committed(partition, timeout_ms=_ANSWER_MS_MAX)
                if offset is not None:
                    found[TopicPartition(*partition)] = offset
        return found

    def _check_in_log(self, partition: TopicPartition, offset: int, first: int, end: int) -> None:
        if offset < first:
            raise RetentionLoss(
                f"{_shown(partition)}: group {self._group} stands at {offset}, but the log begins at {first}: "
                "unread records have expired"
            )
        if offset > end:
            raise RetentionLoss(
                f"{_shown(partition)}: group {self._group} stands at {offset}, but the log ends at {end}: "
                "it is another log than the one that was read before"
            )

    def _fetch(self, timeout_ms: int, messages_max: int) -> dict[TopicPartition, Sequence[Message]]:
        epoch = self._epoch
        with self._connection.answering():
            try:
                records = self._client.poll(timeout_ms=timeout_ms, max_records=messages_max)
            except _OUT_OF_LOG as error:
                raise RetentionLoss(f"group {self._group}: records left the log while we read it: {error}") from error
        if epoch != self._epoch:
            return {}  # read for an assignment that is over: it will be read again, by us or by the new owner
        found: dict[TopicPartition, Sequence[Message]] = {}
        for where, batch in records.items():
            partition = TopicPartition(*where)
            found[partition] = [message(record) for record in batch]
            self._next[partition] = batch[-1].offset + 1
        return found

    def _told_end(self, partition: TopicPartition) -> int:
        told: int | None = self._client.highwater(KafkaPartition(*partition))
        return told or 0


def message(record: Any) -> Message:
    """A record of kafka-python as ours; a missing value is an empty one."""
    return Message(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value or b"",
        tuple((name, value or b"") for name, value in record.headers),
    )


def _shown(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"
