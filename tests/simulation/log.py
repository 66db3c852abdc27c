"""A log in memory that keeps the contract of wirewatch.broker, and fails when chance says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.simulation.chance import Chance, Crash
from wirewatch.broker import Headers, Membership, Message, Positions, TopicPartition
from wirewatch.errors import BrokerUnavailable, Rebalanced


@dataclass
class Group:
    """Members in the order in which they joined, and what was committed."""

    generation: int = 0
    members: list[str] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=dict)

    def join(self, member: str) -> None:
        self.members.append(member)
        self.generation += 1

    def expel(self, member: str) -> None:
        if member in self.members:
            self.members.remove(member)
            self.generation += 1


class SimLog:
    """All topics and groups. ``between`` is called where another member may run in the middle of a call."""

    name = "simulated log"

    def __init__(self, partitions: int, chance: Chance, between: Callable[[], None]) -> None:
        self.partitions = partitions
        self.chance = chance
        self.between = between
        self.records: dict[str, list[list[Message]]] = {}
        self.groups: dict[str, Group] = {}
        self.now_ms = 0
        self._born = 0

    def topic(self, name: str) -> list[list[Message]]:
        if name not in self.records:
            self.records[name] = [[] for _ in range(self.partitions)]
        return self.records[name]

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes, headers: Headers) -> None:
        own = self.topic(topic)[partition]
        own.append(Message(topic, partition, len(own), self.now_ms, key, value, headers))

    def producer(self) -> SimProducer:
        return SimProducer(self)

    def consumer(self, group: str, topics: Sequence[str], positions: Positions | None = None) -> SimConsumer:
        self._born += 1
        return SimConsumer(self, self.groups.setdefault(group, Group()), f"m{self._born}", topics[0], positions)

    def admin(self) -> None:
        raise AssertionError("no worker asks for it")


class SimDelivery:
    def position(self) -> tuple[int, int]:
        raise AssertionError("no worker asks for it")


class SimProducer:
    def __init__(self, log: SimLog) -> None:
        self._log = log
        self._queue: list[tuple[str, int, bytes | None, bytes, Headers]] = []
        self._unkeyed = 0

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> SimDelivery:
        if partition is None:
            self._unkeyed += 1
            partition = (sum(key) if key else self._unkeyed) % self._log.partitions
        self._queue.append((topic, partition, key, value, headers))
        return SimDelivery()

    def flush(self, timeout_seconds: float = 30.0) -> None:
        queue, self._queue = self._queue, []
        if not queue:
            return
        chance = self._log.chance
        fault = chance.fault("flush")
        if fault == "crash before":
            raise Crash
        self._log.between()
        # Each partition is written by a request of its own: what fails leaves any number of each one's first records.
        left = [len(queue)] * self._log.partitions
        if fault in ("partial", "crash after"):
            left = [chance.below(len(queue) + 1) for _ in left]
        elif fault == "away":
            left = [0] * self._log.partitions
        for topic, partition, key, value, headers in queue:
            if left[partition] > 0:
                left[partition] -= 1
                self._log.append(topic, partition, key, value, headers)
        if fault == "crash after":
            raise Crash
        if fault != "none":
            raise BrokerUnavailable(fault)

    def close(self) -> None:
        self._queue = []


class SimConsumer:
    def __init__(self, log: SimLog, group: Group, member: str, topic: str, positions: Positions | None) -> None:
        self._log = log
        self._group = group
        self.member = member
        self._topic = topic
        self._positions = positions
        self._generation = -1
        self._next: dict[TopicPartition, int] = {}
        self._turn = 0
        self._paused: frozenset[TopicPartition] = frozenset()

    def poll(self, timeout_seconds: float, messages_max: int) -> Mapping[TopicPartition, Sequence[Message]]:
        if self.member not in self._group.members:
            self._group.join(self.member)
        if self._generation != self._group.generation:
            self._place()
        found: dict[TopicPartition, Sequence[Message]] = {}
        self._turn += 1
        own = [where for where in self._next if where not in self._paused]
        for where in own[self._turn % len(own) :] + own[: self._turn % len(own)] if own else ():
            start = self._next[where]
            messages = self._log.topic(where.topic)[where.partition][start : start + messages_max]
            if messages:
                found[where] = messages
                messages_max -= len(messages)
                self._next[where] = messages[-1].offset + 1
            if messages_max <= 0:
                break
        return found

    def _place(self) -> None:
        self._next = {}
        self._generation = self._group.generation
        members = self._group.members
        own = [
            TopicPartition(self._topic, partition)
            for partition in range(self._log.partitions)
            if members[partition % len(members)] == self.member
        ]
        try:
            known = self._group.committed if self._positions is None else self._positions(frozenset(own))
        except BaseException:
            self._generation = -1  # asked again at the next poll
            raise
        self._next = {where: known.get(where, 0) for where in own}

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._next)

    def membership(self) -> Membership:
        return Membership(self._generation if self._generation != -1 else self._group.generation, self.member)

    def position(self, partition: TopicPartition) -> int | None:
        return self._next.get(partition)

    def pause(self, partitions: frozenset[TopicPartition]) -> None:
        self._paused = partitions

    def restart(self) -> None:
        self._generation = -1

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition in self._next:
            self._next[partition] = offset

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        fault = self._log.chance.fault("commit")
        if fault == "crash before":
            raise Crash
        self._log.between()
        if fault in ("away", "partial"):
            raise BrokerUnavailable(fault)
        if self.member not in self._group.members or self._group.generation != self._generation:
            raise Rebalanced("the group has changed")
        if not offsets.keys() <= self._next.keys():
            raise Rebalanced("not ours any more")
        self._group.committed.update(offsets)
        if fault == "crash after":
            raise Crash
        if fault == "lost reply":
            raise BrokerUnavailable(fault)

    def lag(self) -> Mapping[TopicPartition, int]:
        return {
            where: len(self._log.topic(where.topic)[where.partition]) - offset for where, offset in self._next.items()
        }

    def close(self) -> None:
        self._group.expel(self.member)
