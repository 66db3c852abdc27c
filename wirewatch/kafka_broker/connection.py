"""How to reach Kafka: settings to client options, and Kafka's errors to ours."""

from __future__ import annotations

import importlib.util
import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kafka import errors

from wirewatch.errors import BrokerUnavailable, UserError
from wirewatch.settings import Settings

Client = TypeVar("Client")

_REACH_SECONDS_MAX = 5.0
_BOOTSTRAP_MS_MAX = 10_000
_PORT_DEFAULT = 9092

# Without a handler of its own, Python would print the client's warnings over our one-line errors.
logging.getLogger("kafka").addHandler(logging.NullHandler())

_LOGIN = "check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
_REFUSED = (
    errors.AuthorizationError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.InvalidSessionTimeoutError,
)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where Kafka is and how to talk to it. ``name`` is for people."""

    name: str
    servers: tuple[tuple[str, int], ...]
    options: Mapping[str, Any]

    @classmethod
    def of(cls, settings: Settings) -> Connection:
        """Raises UserError that names the setting which cannot work."""
        if importlib.util.find_spec("crc32c") is None:
            # kafka-python would fall back to its own, at 1 MB/s.
            raise UserError("Kafka needs the package crc32c: pip install crc32c")
        return cls(
            name=f"Kafka at {settings.kafka_bootstrap_servers}",
            servers=servers(settings.kafka_bootstrap_servers),
            options=options(settings),
        )

    def open(self, factory: Callable[..., Client], **more: Any) -> Client:
        """A client that has found the cluster. Raises BrokerUnavailable or UserError, in one line that says why."""
        # Asked first by hand: a client that cannot bootstrap leaves its thread behind, and takes long to say little.
        self._reach()
        try:
            with self.answering():
                return factory(**self.options, **more)
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, errors.KafkaTimeoutError):
                raise self._silent() from error
            raise

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Turns what kafka-python raises into our errors."""
        try:
            yield
        except errors.KafkaError as error:
            if refusal := self.refusal(error):
                raise refusal from error
            raise BrokerUnavailable(f"{self.name} did not answer: {_said(error)}") from error

    def refusal(self, error: Exception) -> UserError | None:
        """What to tell the user when Kafka knows us and does not let us; None for every other error."""
        # Some refusals come wrapped in a plain KafkaError, as text (InitProducerId, 3.0.12).
        if isinstance(error, _REFUSED) or "AuthorizationFailedError" in str(error):
            return UserError(f"{self.name} refuses us: {_said(error)}: {_remedy(error)}")
        return None

    def _silent(self) -> BrokerUnavailable:
        protocol: str = self.options["security_protocol"]
        check = "check KAFKA_SECURITY_PROTOCOL and the server's log"
        if protocol.endswith("SSL") and (wrong := self._untrusted()):
            check = f"{wrong}: check KAFKA_SSL_CAFILE"
        elif protocol.startswith("SASL_"):
            # Kafka says why and hangs up, and the client drops what comes together with a hang-up (3.0.12).
            check = f"a refused login looks like this too: {_LOGIN}, and KAFKA_SECURITY_PROTOCOL"
        return BrokerUnavailable(f"{self.name} accepts connections but does not answer as {protocol}: {check}")

    def _untrusted(self) -> str | None:
        """What is wrong with the server's certificate, which the client does not say; None where nothing is."""
        context = ssl.create_default_context(cafile=self.options.get("ssl_cafile"))
        for host, port in self.servers:
            try:
                with socket.create_connection((host, port), _REACH_SECONDS_MAX) as plain:
                    context.wrap_socket(plain, server_hostname=host).close()
            except ssl.SSLCertVerificationError as error:
                return f"its certificate is not to be trusted ({error.verify_message})"
            except OSError:
                continue
        return None

    def _reach(self) -> None:
        failures = []
        for host, port in self.servers:
            try:
                socket.create_connection((host, port), _REACH_SECONDS_MAX).close()
            except socket.gaierror:
                failures.append(f"there is no host {host}")
            except OSError as error:
                failures.append(f"{host}:{port}: {error.strerror or error}")
            else:
                return
        raise BrokerUnavailable(f"{self.name} cannot be reached: {'; '.join(failures)}: check KAFKA_BOOTSTRAP_SERVERS")


def servers(text: str) -> tuple[tuple[str, int], ...]:
    """``host:port,host:port`` taken apart; port 9092 where none is given. Raises UserError."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        host, colon, port = part.rpartition(":") if not part.endswith("]") else (part, "", "")
        if not colon:
            host, port = part, str(_PORT_DEFAULT)
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise UserError(f"KAFKA_BOOTSTRAP_SERVERS: {part!r} is not host:port")
        found.append((host.strip("[]"), int(port)))
    if not found:
        raise UserError("KAFKA_BOOTSTRAP_SERVERS names no server")
    return tuple(found)


def options(settings: Settings) -> dict[str, Any]:
    """The options that every client shares. Raises UserError for settings that contradict each other."""
    protocol = settings.kafka_security_protocol
    shared: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": protocol,
        "bootstrap_timeout_ms": _BOOTSTRAP_MS_MAX,
        "client_id": "wirewatch",
        "reconnect_backoff_max_ms": 5_000,
    }
    if protocol.startswith("SASL_"):
        if not settings.kafka_sasl_username:
            raise UserError(f"KAFKA_SECURITY_PROTOCOL is {protocol}, but KAFKA_SASL_USERNAME is empty")
        shared["sasl_mechanism"] = settings.kafka_sasl_mechanism
        shared["sasl_plain_username"] = settings.kafka_sasl_username
        shared["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    if protocol.endswith("SSL"):
        for name in ("cafile", "certfile", "keyfile"):
            path: str = getattr(settings, f"kafka_ssl_{name}")
            if path and not Path(path).is_file():
                raise UserError(f"KAFKA_SSL_{name.upper()}: there is no file {path}")
            if path:
                shared[f"ssl_{name}"] = path
    return shared


def _said(error: Exception) -> str:
    """The client's message without its class name and number, on one line."""
    text = " ".join(str(argument) for argument in error.args if argument) or getattr(error, "description", None)
    return " ".join((text or type(error).__name__).split())[:300]


def _remedy(error: Exception) -> str:
    if isinstance(error, errors.AuthorizationError) or "AuthorizationFailedError" in str(error):
        return "give this user the right to read, write and describe our topics and groups"
    if isinstance(error, errors.InvalidSessionTimeoutError):
        return "set WIREWATCH_KAFKA_SESSION_TIMEOUT_MS to what the broker allows"
    return _LOGIN


def no_topic(topic: str) -> UserError:
    """Said wherever a topic is missing: we never create one by using it."""
    return UserError(f"there is no topic {topic}: run `wirewatch topics create`")
