"""The broker seam: the few calls that Wirewatch makes of a partitioned, durable log.

Two sides implement it: Apache Kafka (kafka_broker) and the embedded log in SQLite (sqlite_broker). One contract test
class runs against both. Nothing outside those two modules knows which one it talks to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Headers = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Message:
    """One record as the log holds it. ``timestamp_ms``: milliseconds since the epoch, set when it was written."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes
    headers: Headers = ()

    @property
    def source(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)

    def header(self, name: str) -> bytes | None:
        """The first header of that name, or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What ``create_topics`` makes. ``retention_ms`` -1 keeps for ever."""

    name: str
    partitions: int
    retention_ms: int
    replication: int = 1


class Delivery(Protocol):
    """A promise of ``send``: readable after ``flush`` returned."""

    def position(self) -> tuple[int, int]:
        """Partition and offset that the broker acknowledged. Raises BrokerUnavailable when it did not."""
        ...


class Producer(Protocol):
    """Writes records. Safe to use from several threads; one per process is enough."""

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Delivery:
        """Queue a record. Without ``partition`` the key's hash picks it (the same key always the same one).

        May block while the queue is full. Nothing is safe before ``flush`` returned.
        """
        ...

    def flush(self, timeout_seconds: float = 30.0) -> None:
        """Return when every queued record is durable on all in-sync replicas.

        Raises BrokerUnavailable when any record was not acknowledged in time: nothing that is still queued is then
        written, and the caller sends all of it again, on the same producer (a repeat is possible, and is recognised
        downstream by id or source offset).
        """
        ...

    def close(self) -> None: ...


class Membership(NamedTuple):
    """Who we are in our group: a token that orders the owners of a partition. Both are of the broker's making."""

    generation: int
    """Goes up with every change of the group; -1 while we are in none. A group that was deleted starts again."""
    member: str


Positions = Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]]


class Consumer(Protocol):
    """A member of a consumer group. Not safe to share between threads."""

    def poll(self, timeout_seconds: float, messages_max: int) -> Mapping[TopicPartition, Sequence[Message]]:
        """At most ``messages_max`` messages, in offset order per partition; empty when none came in time.

        The position moves past what is returned. Newly assigned partitions start at the position that the
        ``positions`` callback gave, else at the group's committed offset, else at the beginning.
        """
        ...

    def assignment(self) -> frozenset[TopicPartition]: ...

    def membership(self) -> Membership:
        """Our generation and member id, as of the assignment that ``poll`` last placed, or is placing; asks nobody."""
        ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from ``offset``. Ignored when the partition is not ours any more."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store the next offset to read per partition. Raises Rebalanced when the group moved on without us, and
        BrokerUnavailable when there was no answer. Repeating is safe."""
        ...

    def lag(self) -> Mapping[TopicPartition, int]:
        """Messages in the log behind our position, per assigned partition."""
        ...

    def close(self) -> None: ...


class GroupConsumer(Consumer, Protocol):
    """What a broker opens: a consumer whose reading can also be steered."""

    def position(self, partition: TopicPartition) -> int | None:
        """The offset that ``poll`` gives next; None when the partition is not ours, or not yet placed."""
        ...

    def pause(self, partitions: frozenset[TopicPartition]) -> None:
        """From now on ``poll`` gives nothing of exactly these partitions; the others are read again.

        What is not ours is ignored. A change of the group ends it, so call it every turn. The position stays.
        """
        ...

    def restart(self) -> None:
        """Start all our partitions from their positions again at the next ``poll``, as after a change of the group."""
        ...


class Admin(Protocol):
    """Topics and positions, for set-up, ``doctor``, ``dlq`` and tests."""

    def create_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """Create what is missing and return the names created. Raises UserError where an existing topic has another
        number of partitions. Repeating is safe."""
        ...

    def partitions(self, topic: str) -> int:
        """Number of partitions; 0 when there is no such topic."""
        ...

    def offsets(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Per partition: first offset still held, and the next offset to be written."""
        ...

    def committed(self, group: str, topic: str) -> Mapping[int, int]:
        """Per partition the group's committed offset; partitions without one are missing."""
        ...

    def read(self, topic: str, partition: int, start: int, messages_max: int) -> Sequence[Message]:
        """Messages from offset ``start`` on, without a group; empty when there are none."""
        ...

    def close(self) -> None: ...


class Broker(Protocol):
    """Opens the three kinds of client. ``name`` is for people, e.g. ``Kafka at localhost:9092``."""

    name: str

    def producer(self) -> Producer: ...

    def consumer(self, group: str, topics: Sequence[str], positions: Positions | None = None) -> GroupConsumer: ...

    def admin(self) -> Admin: ...
