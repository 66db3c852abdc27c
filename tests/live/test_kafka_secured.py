"""Kafka with TLS, SCRAM and the shipped rights, Redis with TLS and the shipped ACL file: all of them real, each process
under its own name."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.house.repository import ROOT
from tests.live.secured_kafka import SERVICES, SecuredKafka, password
from tests.path_contract import lines, wirewatch
from tests.redis_server import programs
from tests.secured_redis import SecuredRedis
from wirewatch.broker import Broker, TopicSpec
from wirewatch.errors import BrokerUnavailable, UserError
from wirewatch.settings import load
from wirewatch.topics import ALERTS, ARTICLES, DEAD_LETTERS, ENTITIES, MENTIONS, TOPICS, specs

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

WRITES: dict[str, set[str]] = {
    "ingest": {ARTICLES.name, DEAD_LETTERS.name},
    "actors": {MENTIONS.name, DEAD_LETTERS.name},
    "entities": {ENTITIES.name, DEAD_LETTERS.name},
    "counters": {DEAD_LETTERS.name},
    "relay": {ALERTS.name, DEAD_LETTERS.name},
    "api": set(),
}
READS: dict[str, set[str]] = {
    "ingest": set(),
    "actors": {ARTICLES.name},
    "entities": {ARTICLES.name},
    "counters": {MENTIONS.name, ENTITIES.name},
    "relay": set(),
    "api": {MENTIONS.name},
}
NAMES = [topic.name for topic in TOPICS]
GROUPS = {"actors", "entities", "counters"}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """Topics made and rights given, by the operator and the administrator."""
    server = SecuredKafka(tmp_path_factory.mktemp("secured-kafka"))
    try:
        server.start()
    except UserError as error:
        pytest.skip(f"{error}; then `make test` runs this")
    try:
        server.give_rights(ROOT / "docs" / "security" / "kafka-acls.sh")
        with closing(server.broker("operator").admin()) as admin:
            admin.create_topics(specs(load(**server.settings("operator"))))
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[SecuredRedis]:
    """A Redis that speaks TLS; not every build does."""
    for program in programs().values():
        server = SecuredRedis(program, tmp_path)
        try:
            server.start()
        except AssertionError as error:
            if "tls" not in str(error).lower():
                raise
            continue
        yield server
        server.stop()
        return
    pytest.skip("no Redis server that speaks TLS")


def test_an_article_goes_the_whole_way_with_each_process_under_its_own_name(
    kafka: SecuredKafka, redis: SecuredRedis, tmp_path: Path
) -> None:
    article = tmp_path / "article.txt"
    article.write_text("NATO meets in Brussels\n\nThe allies of NATO meet.")

    def environment(service: str, redis_user: str | None = None) -> Mapping[str, str]:
        own = {"WIREWATCH_DATA_DIR": str(tmp_path / service), "WIREWATCH_LOG_LEVEL": "debug"}
        return own | kafka.environment(service) | (redis.environment(redis_user) if redis_user else {})

    outputs = [tmp_path / f"{service}.log" for service in ("actors", "counters", "relay")]
    with ExitStack() as stack:
        running = [
            stack.enter_context(_process(environment(stage, None if stage == "actors" else stage), stage, output))
            for stage, output in zip(("actors", "counters", "relay"), outputs, strict=True)
        ]
        assert wirewatch(environment("ingest"), "publish", str(article)) is not None
        with closing(kafka.broker("operator").admin()) as admin:
            while sum(end for _, end in admin.offsets(ALERTS.name).values()) == 0:
                assert [process.poll() for process in running] == [None] * 3, [o.read_text() for o in outputs]
                time.sleep(0.05)
        api = environment("api", "api")
        while not (rows := lines(wirewatch(api, "counters", "--json"))):
            assert [process.poll() for process in running] == [None] * 3
        assert [row["actor"] for row in rows] == ["nato"]
        while not (alerts := lines(wirewatch(api, "alerts", "--json"))):
            assert [process.poll() for process in running] == [None] * 3
        assert alerts[0]["title"] == "NATO meets in Brussels"
    said = "".join(output.read_text() for output in outputs) + kafka.log.read_text(errors="replace")
    for user in SERVICES:
        assert password(user) not in said


class _Process(subprocess.Popen[bytes]):
    """Ends with the block."""

    def __exit__(self, *_: object) -> None:
        self.terminate()
        self.wait(30)


def _process(environment: Mapping[str, str], stage: str, output: Path) -> _Process:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "REDIS_", "WIREWATCH_"))
    }
    with output.open("wb") as file:
        return _Process(
            [sys.executable, "-m", "wirewatch", "consume", stage],
            env={**kept, **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
        )


@pytest.mark.parametrize("service", WRITES)
def test_no_service_can_write_what_is_not_its_own_to_write(service: str, kafka: SecuredKafka) -> None:
    for topic in NAMES:
        if topic in WRITES[service]:
            assert _written(kafka.broker(service), topic)
        else:
            with pytest.raises(UserError, match="refuses us"):
                _written(kafka.broker(service), topic)


def _written(broker: Broker, topic: str) -> tuple[int, int]:
    with closing(broker.producer()) as producer:
        delivery = producer.send(topic, b"{}", partition=0)
        producer.flush()
        return delivery.position()


@pytest.mark.parametrize("service", READS)
def test_no_service_can_read_what_is_not_its_own_to_read(service: str, kafka: SecuredKafka) -> None:
    # Somebody with the right has written: reading would give something.
    for name, writer in zip(NAMES, ("ingest", "actors", "entities", "relay", "ingest"), strict=True):
        _written(kafka.broker(writer), name)
    with closing(kafka.broker(service).admin()) as admin:
        for name in NAMES:
            if name in READS[service]:
                assert admin.read(name, 0, 0, 1)
            else:
                with pytest.raises(UserError, match=r"refuses us|there is no topic"):
                    admin.read(name, 0, 0, 1)


@pytest.mark.parametrize("service", sorted(WRITES))
def test_no_service_can_create_a_topic_or_join_the_group_of_another(service: str, kafka: SecuredKafka) -> None:
    with closing(kafka.broker(service).admin()) as admin, pytest.raises(UserError, match="refuses us"):
        admin.create_topics([TopicSpec("another.v1", 1, -1)])
    for group in GROUPS - {service}:
        with closing(kafka.broker(service).admin()) as admin, pytest.raises(UserError, match="refuses us"):
            admin.committed(f"wirewatch.{group}", next(iter(READS[service] or {ARTICLES.name})))


def test_a_certificate_that_nobody_vouches_for_is_named(kafka: SecuredKafka) -> None:
    with pytest.raises(BrokerUnavailable, match=r"not to be trusted.*check KAFKA_SSL_CAFILE") as caught:
        kafka.broker("actors", kafka_ssl_cafile="").admin()
    assert "\n" not in str(caught.value)
