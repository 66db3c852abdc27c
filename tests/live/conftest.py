"""Real servers for the live lane: those that the environment names, else our own on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from wirewatch.errors import UserError
from wirewatch.local.kafka import LocalKafka
from wirewatch.settings import Settings, load


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """A cluster to test against. ``local`` is None where it is not ours to stop and start."""

    settings: Settings
    local: LocalKafka | None

    @property
    def bootstrap_servers(self) -> str:
        return self.settings.kafka_bootstrap_servers


@contextmanager
def own_kafka(folder: Path) -> Iterator[KafkaServer]:
    """A cluster of our own, with its data in ``folder``; the test is skipped where it cannot run."""
    local = LocalKafka(folder)
    try:
        local.start()
    except UserError as error:
        pytest.skip(f"{error}; then `make test` runs this")
    try:
        yield KafkaServer(_settings(kafka_bootstrap_servers=local.bootstrap_servers), local)
    finally:
        local.stop()


def _settings(**changed: str) -> Settings:
    # Shorter than the default, so that tests of dead members need not wait long.
    return load(kafka_session_timeout_ms=6000, **changed)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """Apache Kafka: at KAFKA_BOOTSTRAP_SERVERS, else one of our own for the whole test run."""
    settings = _settings()
    if settings.kafka_bootstrap_servers:
        yield KafkaServer(settings, None)
        return
    with own_kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server
