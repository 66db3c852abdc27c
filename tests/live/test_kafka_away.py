"""Kafka that goes away: stages wait for it, stop in time without it, and go on when it is back."""

from __future__ import annotations

import gc
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka.errors import KafkaTimeoutError

from tests.live.conftest import KafkaServer, own_kafka
from tests.wirewatch.broker_driving import until
from tests.wirewatch.risky import READY
from tests.wirewatch.stages import PARTITIONS, alive_until, messages, program, publish_texts, running
from tests.wirewatch.test_runner import a_transform
from wirewatch.broker import Broker, TopicSpec
from wirewatch.kafka_broker import KafkaBroker
from wirewatch.topics import ARTICLES, DEAD_LETTERS, MENTIONS
from wirewatch.watchdog import STOP_SECONDS_MAX

pytestmark = pytest.mark.live


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A cluster of this test's own, to be taken away."""
    with own_kafka(tmp_path / "kafka") as server:
        yield server


@pytest.fixture
def broker(kafka: KafkaServer) -> Broker:
    broker = KafkaBroker(kafka.settings)
    with closing(broker.admin()) as admin:
        admin.create_topics(TopicSpec(t.name, PARTITIONS, -1) for t in (ARTICLES, MENTIONS, DEAD_LETTERS))
    return broker


def environment(kafka: KafkaServer) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "WIREWATCH_WORKER_PROCESSES": "1",
    }


def test_polling_a_broker_that_has_gone_silent_leaves_nothing_behind(kafka: KafkaServer, broker: Broker) -> None:
    """Half a session of silence, in which a heartbeat is due and not answered, as on a half-open connection."""
    assert kafka.local is not None
    assert kafka.local._process is not None
    with closing(broker.consumer("silent", [ARTICLES.name])) as consumer:
        until(lambda: bool(consumer.assignment()), lambda: consumer.poll(0.1, 1))
        kafka.local._process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(25):
                consumer.poll(0.2, 1)
            waiters = sum(isinstance(each, KafkaTimeoutError) for each in gc.get_objects())
        finally:
            kafka.local._process.send_signal(signal.SIGCONT)
    assert waiters < 500


def test_a_stage_waits_for_kafka_goes_on_with_it_and_stops_in_time_without_it(
    kafka: KafkaServer, broker: Broker, tmp_path: Path
) -> None:
    assert kafka.local is not None
    with program("tests.wirewatch.risky", "risky", env=environment(kafka)) as process:
        publish_texts(broker, ["text"] * 300)
        alive_until(lambda: len(messages(broker, MENTIONS.name)) >= 300, process)
        kafka.local.kill()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(10)
        kafka.local.start()
        publish_texts(broker, ["text"] * 300)
        alive_until(lambda: len(messages(broker, MENTIONS.name)) >= 600, process)
        kafka.local.kill()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS_MAX + 3) == 0
    ready = tmp_path / "ready"
    with program("tests.wirewatch.risky", "risky", env=environment(kafka) | {READY: str(ready)}) as process:
        alive_until(ready.exists, process)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS_MAX + 3) == 0


def test_asked_to_stop_under_load_a_stage_writes_nothing_twice(kafka: KafkaServer, broker: Broker) -> None:
    publish_texts(broker, ["text"] * 6_000)
    with program("tests.wirewatch.risky", "risky", env=environment(kafka)) as process:
        alive_until(lambda: messages(broker, MENTIONS.name), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS_MAX + 3) == 0
    written = len(messages(broker, MENTIONS.name))
    assert written < 6_000
    with running(a_transform(), broker) as stage:
        # Another group: it tells that the topic is whole; the position of the first one tells what it repeats.
        stage.until(lambda: len(messages(broker, MENTIONS.name)) >= written + 6_000)
    with closing(broker.admin()) as admin:
        assert sum(admin.committed("wirewatch.risky", ARTICLES.name).values()) == written
