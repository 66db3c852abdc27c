"""Settings to Kafka's client options, and what cannot be reached."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirewatch.errors import BrokerUnavailable, UserError
from wirewatch.kafka_broker import KafkaBroker
from wirewatch.kafka_broker.connection import options, servers
from wirewatch.settings import Settings


def settings(**given_: Any) -> Settings:
    return Settings(**{"kafka_bootstrap_servers": "127.0.0.1:1", **given_})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kafka:9092", (("kafka", 9092),)),
        ("kafka", (("kafka", 9092),)),
        (" a:1 , b:2,", (("a", 1), ("b", 2))),
        ("[::1]:9093", (("::1", 9093),)),
        ("[::1]", (("::1", 9092),)),
    ],
)
def test_bootstrap_servers_are_taken_apart(text: str, found: tuple[tuple[str, int], ...]) -> None:
    assert servers(text) == found


@pytest.mark.parametrize("text", ["", " , ", "a:b", ":9092", "a:0", "a:65536", "a:-1", "a:1,b:x"])
def test_bootstrap_servers_that_cannot_be_are_named(text: str) -> None:
    with pytest.raises(UserError, match="KAFKA_BOOTSTRAP_SERVERS"):
        servers(text)


@given(st.text())
def test_any_text_gives_servers_or_a_user_error(text: str) -> None:
    with suppress(UserError):
        assert all(host and 0 < port < 65_536 for host, port in servers(text))


def test_plaintext_carries_no_secret() -> None:
    assert not [name for name in options(settings(kafka_sasl_password="hush")) if name.startswith(("sasl", "ssl"))]


def test_sasl_over_tls_carries_user_mechanism_and_authority(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    made = options(
        settings(
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_username="desk",
            kafka_sasl_password="hush",
            kafka_ssl_cafile=str(authority),
        )
    )
    assert made["security_protocol"] == "SASL_SSL"
    assert made["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (made["sasl_plain_username"], made["sasl_plain_password"]) == ("desk", "hush")
    assert made["ssl_cafile"] == str(authority)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "KAFKA_SASL_USERNAME is empty"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_cafile": "/no/ca.pem"}, "KAFKA_SSL_CAFILE: there is no file"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_keyfile": "/no/k.pem"}, "KAFKA_SSL_KEYFILE: there is no file"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_at_once(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        KafkaBroker(settings(**given_))


def test_a_host_that_does_not_exist_is_named() -> None:
    broker = KafkaBroker(settings(kafka_bootstrap_servers="kafka.invalid:9092"))
    with pytest.raises(BrokerUnavailable, match=r"there is no host kafka\.invalid: check KAFKA_BOOTSTRAP_SERVERS"):
        broker.admin()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is ours, and at which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_a_port_where_nobody_listens_is_named(closed_port: int) -> None:
    broker = KafkaBroker(settings(kafka_bootstrap_servers=f"127.0.0.1:{closed_port}"))
    for call in (broker.admin, lambda: broker.consumer("g", ["t"]), lambda: broker.producer().send("t", b"x")):
        with pytest.raises(BrokerUnavailable, match=rf"127\.0\.0\.1:{closed_port}: Connection refused"):
            call()


def test_a_producer_that_never_connected_has_nothing_to_flush(closed_port: int) -> None:
    producer = KafkaBroker(settings(kafka_bootstrap_servers=f"127.0.0.1:{closed_port}")).producer()
    producer.flush()
    producer.close()
