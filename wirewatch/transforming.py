"""What a transform makes of source records: one output each at the same partition, and the dead letters among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wirewatch.broker import Message
from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.fault_limit import FaultLimit
from wirewatch.metrics import Metrics
from wirewatch.outlet import Packed
from wirewatch.stage import Context, Marked, Received, Transform

SOURCE_OFFSET = "src.offset"
"""Header of a transformed record: the offset of the record that it was made from, in ASCII digits."""

RECORD_BYTES_MAX = 1_000_000
"""Largest record that a stage writes; Kafka's own limit is 1 MiB with key and headers."""

Letters = list[tuple[Message, Rejected]]


def decoded(topic: Any, message: Message) -> Received[Any] | Rejected:
    """The record that ``message`` carries, or why it cannot be read."""
    try:
        return Received(decode(topic, message.value), message)
    except Rejected as rejected:
        return rejected


class Packing:
    """Results to records that are ready to send."""

    def __init__(self, stage: Transform[Any, Any], context: Context) -> None:
        self._stage = stage
        self._metrics: Metrics = context.metrics
        self._limit = FaultLimit(stage.name, context.settings, context.metrics)
        self._observe: Callable[[Any], None] | None = stage.observe(context) if stage.observe else None

    def pack(self, results: Iterable[tuple[Received[Any] | Rejected, Message, Any]]) -> tuple[list[Packed], Letters]:
        """One output per (decoded item, its message, its result), in order, and the dead letters.

        The result of an item that could not be decoded is the reason for it. Raises TooManyFaults.
        """
        results = list(results)
        self._limit.admit((message, result) for _, message, result in results)
        outputs: list[Packed] = []
        letters: Letters = []
        for item, message, result in results:
            packed = result if isinstance(result, Rejected) else self._packed(message, result)
            if isinstance(packed, Rejected):
                if isinstance(item, Received) or self._stage.dead_letters_undecodable:
                    letters.append((message, packed))
                packed = self._marker(message, packed.reason)
            elif self._observe is not None:
                self._observe(result)
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
