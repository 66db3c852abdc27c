"""Driving a broker under test: publishing, reading until a condition holds, and members that are processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Protocol

from wirewatch.broker import Broker, Consumer, Headers, Membership, Message, Positions, TopicPartition

PARTITIONS = 4
WAIT_SECONDS_MAX = 60.0
_ROOT = Path(__file__).resolve().parents[2]


class UnderTest(Protocol):
    """A broker, and the few things that each does in its own way."""

    broker: Broker
    environment: Mapping[str, str]
    """What a process of its own needs to open the same broker."""

    def restart(self) -> None:
        """End the broker as a power cut would, and start it again on the same data."""
        ...

    def forget(self, topic: str, partition: int, before: int) -> None:
        """Drop the records below offset ``before``, as retention would."""
        ...


class EmptyStore:
    """A Sink's store that was wiped, and that stays empty."""

    def positions(self, partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:  # noqa: ARG002
        return {}

    def claim(self, partition: TopicPartition, owner: Membership, *, force: bool = False) -> bool:  # noqa: ARG002
        return True

    def apply(self, partition: TopicPartition, expected: int, following: int, batch: Sequence[object]) -> int:  # noqa: ARG002
        raise AssertionError("there is nothing that may be applied")

    def close(self) -> None:
        """Nothing to close."""


def publish(
    broker: Broker,
    topic: str,
    values: Sequence[bytes],
    *,
    key: bytes | None = None,
    headers: Headers = (),
    partition: int | None = None,
) -> None:
    with closing(broker.producer()) as producer:
        for value in values:
            producer.send(topic, value, key=key, headers=headers, partition=partition)
        producer.flush()


def publish_everywhere(broker: Broker, topic: str, records_each: int) -> None:
    with closing(broker.producer()) as producer:
        for partition in range(PARTITIONS):
            for n in range(records_each):
                producer.send(topic, b"%d" % n, partition=partition)
        producer.flush()


def all_partitions(topic: str) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(topic, partition) for partition in range(PARTITIONS))


def until(done: Callable[[], bool], step: Callable[[], object]) -> None:
    """Repeat ``step``, which waits by itself, until ``done``."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not done():
        assert time.monotonic() < deadline, "waited too long"
        step()


def read_messages(consumer: Consumer, count: int) -> dict[TopicPartition, list[Message]]:
    """Poll until ``count`` messages came, and see that no more do at once."""
    found: dict[TopicPartition, list[Message]] = {}

    def step(timeout_seconds: float = 0.2) -> None:
        for where, messages in consumer.poll(timeout_seconds, 1000).items():
            found.setdefault(where, []).extend(messages)

    until(lambda: sum(map(len, found.values())) >= count, step)
    step(0)
    assert sum(map(len, found.values())) == count
    return found


def read_for_ever(broker: Broker, topic: str, positions: Positions | None) -> None:
    """As a member of the group that is named as the topic; returns only by an error."""
    with closing(broker.consumer(topic, [topic], positions)) as consumer:
        until(lambda: False, lambda: consumer.poll(0.2, 10))


def everything(broker: Broker, topic: str) -> dict[TopicPartition, list[Message]]:
    """All that the topic holds, read by a group of its own."""
    with closing(broker.admin()) as admin:
        held = sum(end - first for first, end in admin.offsets(topic).values())
    with closing(broker.consumer(f"all-{uuid.uuid4().hex}", [topic])) as consumer:
        return read_messages(consumer, held)


def settle(*consumers: Consumer) -> None:
    """Poll all, until each has partitions and all agree on them."""

    def agreed() -> bool:
        shares = [consumer.assignment() for consumer in consumers]
        return all(shares) and sum(map(len, shares)) == PARTITIONS and len(frozenset().union(*shares)) == PARTITIONS

    until(agreed, lambda: [consumer.poll(0.1, 1) for consumer in consumers])


def count(read: Counter[tuple[int, int]], *consumers: Consumer) -> None:
    for consumer in consumers:
        for messages in consumer.poll(0.1, 1000).values():
            read.update((message.partition, message.offset) for message in messages)


def note_first(seen: dict[TopicPartition, int], *consumers: Consumer) -> None:
    for consumer in consumers:
        for where, messages in consumer.poll(0.1, 1000).items():
            seen.setdefault(where, messages[0].offset)


@contextmanager
def member(under_test: UnderTest, topic: str) -> Iterator[subprocess.Popen[str]]:
    """A member of the group that is named as the topic, in a process of its own."""
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.wirewatch.group_member", topic, topic],
                cwd=_ROOT,
                env=os.environ | under_test.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(process.kill)
        yield process


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
