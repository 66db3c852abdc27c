"""Takes one safeguard out of the code, so that the tests can show that they would notice."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any
from unittest import mock

from tests.simulation import redis_model
from tests.simulation.log import SimLog
from wirewatch.errors import BrokerUnavailable
from wirewatch.pipelined import PipelinedWorker, _Lane

MUTATIONS = ("position", "seen", "flush", "order", "watermark", "place")


def mutate(name: str) -> None:
    """For the rest of this process. Raises KeyError for a name that is not one of MUTATIONS."""
    {
        "position": _no_position,
        "seen": _no_seen,
        "flush": _no_flush,
        "order": _no_order,
        "watermark": _no_watermark,
        "place": _no_place,
    }[name]()


def _no_position() -> None:
    """Batches are applied wherever the partition stands."""
    redis_model.Model.checks_position = False


def _no_seen() -> None:
    """Articles that were counted before are counted again."""
    redis_model.Model.checks_seen = False


def _no_place() -> None:
    """Alerts are changed although another relay has changed them since they were read."""
    redis_model.Model.checks_place = False


def _no_flush() -> None:
    """What the log did not acknowledge is held to be written."""
    original = SimLog.producer

    def producer(log: Any) -> Any:
        made = original(log)
        flush = made.flush

        def careless(timeout_seconds: float = 30.0) -> None:
            try:
                flush(timeout_seconds)
            except BrokerUnavailable:
                return

        mock.patch.object(made, "flush", careless).start()
        return made

    mock.patch.object(SimLog, "producer", producer).start()


def _no_order() -> None:
    """What workers have done is written at once, and not when all before it is done."""

    def take_done(lane: Any) -> list[Any]:
        done = [entry for entry in lane.entries if entry.outcome is not None]
        lane.entries = deque(entry for entry in lane.entries if entry.outcome is None)
        return done

    mock.patch.object(_Lane, "take_done", take_done).start()


def _no_watermark() -> None:
    """All that was read is committed, also what workers still have."""
    original = PipelinedWorker._write

    def write(worker: Any) -> None:
        read = {where: lane.following for where, lane in worker._lanes.items()}
        loop = worker._loop

        def careless(consumer: Any, own: Any) -> None:
            loop.commit(consumer, {where: read[where] for where in own})

        worker._loop = SimpleNamespace(commit=careless)  # its own: the simulated world is everybody's
        try:
            original(worker)
        finally:
            worker._loop = loop

    mock.patch.object(PipelinedWorker, "_write", write).start()
