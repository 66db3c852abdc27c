"""How a stage writes: a whole batch until the broker has acknowledged all of it; dead letters before what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from wirewatch import dead_letters
from wirewatch.broker import Broker, Consumer, Headers, Message, TopicPartition
from wirewatch.errors import Rejected
from wirewatch.metrics import Metrics

Packed = tuple[bytes, bytes | None, Headers, int | None]
"""Value, key, headers and partition of a record to send."""


class Loop(Protocol):
    """What a worker needs of the runner."""

    outages: int
    """How often a server was away and came back; what a store had acknowledged before may be lost since."""

    def patiently(self, call: Callable[[], Any]) -> Any: ...

    def commit(self, consumer: Consumer, offsets: Mapping[TopicPartition, int]) -> None: ...


class Outlet:
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
