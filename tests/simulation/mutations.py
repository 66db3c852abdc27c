"""Takes one safeguard out of the code, so that the tests can show that they would notice."""

from __future__ import annotations

from typing import Any
from unittest import mock

from tests.simulation import redis_model
from tests.simulation.log import SimLog
from wirewatch.errors import BrokerUnavailable

MUTATIONS = ("position", "seen", "flush")


def mutate(name: str) -> None:
    """For the rest of this process. Raises KeyError for a name that is not one of MUTATIONS."""
    {"position": _no_position, "seen": _no_seen, "flush": _no_flush}[name]()


def _no_position() -> None:
    """Batches are applied wherever the partition stands."""
    redis_model.Model.checks_position = False


def _no_seen() -> None:
    """Articles that were counted before are counted again."""
    redis_model.Model.checks_seen = False


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
