"""SIGTERM under load on real Apache Kafka."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.live.conftest import KafkaServer, own_kafka
from tests.path_stopping import stopping_under_load_redoes_at_most_one_batch
from tests.wirewatch.stages import alive_until, program, publish_texts
from wirewatch.cli.signals import EXIT_INTERRUPTED
from wirewatch.kafka_broker import KafkaBroker
from wirewatch.topics import ARTICLES, specs

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A cluster of this module's own: what is written twice can be told on new topics alone."""
    with own_kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


def environment(kafka: KafkaServer) -> dict[str, str]:
    return {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS": "6000"}


def test_sigterm_under_load_ends_within_15_seconds_and_redoes_at_most_one_batch(kafka: KafkaServer) -> None:
    stopping_under_load_redoes_at_most_one_batch(environment(kafka), kafka.settings, KafkaBroker(kafka.settings))


def test_a_second_signal_under_load_ends_the_process_at_once_and_passes_nothing_that_is_not_done(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    broker = KafkaBroker(kafka.settings)
    with closing(broker.admin()) as admin:
        admin.create_topics(specs(kafka.settings))
        publish_texts(broker, [*["text"] * 300, f"wait {tmp_path / 'gate'}", *["text"] * 300], partition=0)
        with program("tests.wirewatch.risky", "at-once", env=environment(kafka)) as process:
            alive_until((tmp_path / "gate.begun").exists, process)
            process.send_signal(signal.SIGTERM)
            while process.poll() is None:
                process.send_signal(signal.SIGTERM)
            assert process.returncode == EXIT_INTERRUPTED
        _, following = admin.offsets(ARTICLES.name)[0]
        assert admin.committed("wirewatch.at-once", ARTICLES.name).get(0, 0) <= following - 301
