"""Logging in to Kafka with SCRAM, and what a wrong password, user or protocol looks like."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from wirewatch.broker import TopicSpec
from wirewatch.errors import BrokerUnavailable, UserError, WirewatchError
from wirewatch.kafka_broker import KafkaBroker
from wirewatch.local import child
from wirewatch.local.kafka import CACHE_DIR
from wirewatch.local.kafka_files import fetch, java, server_properties
from wirewatch.local.ports import free_ports
from wirewatch.settings import load

pytestmark = pytest.mark.live

_CLUSTER = "wirewatchTestCluster22"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka that asks for a user: desk, with the password right."""
    folder = tmp_path_factory.mktemp("guarded")
    try:
        jvm = [str(java()), "-Xmx512m", "-XX:+UseSerialGC", "-cp", fetch(CACHE_DIR, lambda _: None)]
    except UserError as error:
        pytest.skip(f"{error}; then `make test` runs this")
    inner, controller, guarded_port = free_ports(3)
    properties = folder / "server.properties"
    properties.write_text(
        server_properties(folder / "log", inner, controller)
        + f"""
listeners=BROKER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller},GUARDED://127.0.0.1:{guarded_port}
advertised.listeners=BROKER://127.0.0.1:{inner},GUARDED://127.0.0.1:{guarded_port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.guarded.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
"""
    )
    user = "SCRAM-SHA-512=[name=desk,password=right]"
    subprocess.run(
        [*jvm, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties), "--add-scram", user],
        check=True,
        capture_output=True,
    )
    log = folder / "out"
    server = child.spawn([*jvm, "kafka.Kafka", str(properties)], log_file=log)
    try:
        _wait_until_ready(f"127.0.0.1:{inner}", server.pid, log)
        yield f"127.0.0.1:{guarded_port}"
    finally:
        child.stop(server, 20)


def _wait_until_ready(servers: str, pid: int, log: Path) -> None:
    process = psutil.Process(pid)
    while True:
        assert process.is_running(), child.tail(log)
        assert process.status() != psutil.STATUS_ZOMBIE, child.tail(log)
        try:
            KafkaBroker(load(kafka_bootstrap_servers=servers)).admin().close()
        except BrokerUnavailable:
            with pytest.raises(psutil.TimeoutExpired):
                process.wait(0.1)
        else:
            return


def broker(servers: str, **given: Any) -> KafkaBroker:
    login = {
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_sasl_username": "desk",
        "kafka_sasl_password": "right",
    }
    return KafkaBroker(load(kafka_bootstrap_servers=servers, **login | given))


def test_the_right_password_writes_and_reads(guarded: str) -> None:
    with closing(broker(guarded).admin()) as admin:
        admin.create_topics([TopicSpec("login", 1, -1)])
        with closing(broker(guarded).producer()) as producer:
            producer.send("login", b"hello")
            producer.flush()
        assert [message.value for message in admin.read("login", 0, 0, 10)] == [b"hello"]
    with closing(broker(guarded).consumer("login", ["login"])) as consumer:
        found: list[bytes] = []
        while not found:
            found = [m.value for messages in consumer.poll(5, 10).values() for m in messages]
        assert found == [b"hello"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kafka_sasl_password": "wrong"}, "check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"),
        ({"kafka_security_protocol": "PLAINTEXT"}, "does not answer as PLAINTEXT: check KAFKA_SECURITY_PROTOCOL"),
    ],
    ids=["wrong password", "wrong protocol"],
)
def test_a_refused_login_is_one_line_that_says_what_to_check(guarded: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(WirewatchError, match=said) as caught:
        broker(guarded, **given).admin()
    assert "\n" not in str(caught.value)
    assert "wrong" not in str(caught.value)
