"""Everything on one machine: the servers that are not configured elsewhere, and one process per stage and service."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from wirewatch.local.kafka import LocalKafka
from wirewatch.local.kafka_files import address_file as kafka_file
from wirewatch.local.ports import free_ports
from wirewatch.local.supervisor import Program, Supervisor
from wirewatch.local.valkey import LocalValkey
from wirewatch.settings import Settings, load

Say = Callable[[str], None]
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Servers:
    """The settings with every server filled in, and what to give child processes so that they see the same."""

    settings: Settings
    env: Mapping[str, str]


@contextmanager
def servers(settings: Settings, *, local_kafka: bool, say: Say) -> Iterator[Servers]:
    """Start what is not configured elsewhere; stop it at the end. Raises UserError when a server does not start."""
    with ExitStack() as stack:
        env = {"WIREWATCH_DATA_DIR": str(settings.data_dir.resolve())}
        if local_kafka:
            kafka = stack.enter_context(LocalKafka(settings.data_dir, progress=say))
            env |= {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
            stack.enter_context(_told(kafka_file(settings.data_dir), kafka.bootstrap_servers))
        elif settings.kafka_bootstrap_servers:
            say(f"Kafka at {settings.kafka_bootstrap_servers}")
        else:
            say(f"embedded log in {settings.data_dir}")
        if settings.redis_url.get_secret_value():
            say("Redis as configured")
        else:
            valkey = LocalValkey(settings.data_dir).start()
            stack.callback(valkey.stop)
            env["REDIS_URL"] = valkey.url
            say(f"embedded {valkey.kind} on 127.0.0.1:{valkey.port}")
        full = os.environ | env
        yield Servers(
            load(
                **{name.lower(): value for name, value in env.items() if not name.startswith("WIREWATCH")}
                | {"data_dir": settings.data_dir}
            ),
            full,
        )


@contextmanager
def _told(file: Path, address: str) -> Iterator[None]:
    """Commands in other terminals find the server by this file while it runs."""
    file.write_text(address)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def processes(names: Mapping[str, tuple[str, ...]], env: Mapping[str, str], data_dir: Path) -> Iterator[Supervisor]:
    """Run each command as a process with a metrics port of its own; stop all at the end.

    The ports are written to ``<data_dir>/metrics-targets.json`` in the form that Prometheus reads (file_sd).
    """
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    programs = [
        Program(name, arguments, {**env, "WIREWATCH_METRICS_PORT": str(ports[name])})
        for name, arguments in names.items()
    ]
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"process": name}} for name, port in ports.items()]
    (data_dir / "metrics-targets.json").write_bytes(msgspec.json.encode(targets))
    supervisor = Supervisor(programs, data_dir / "logs")
    supervisor.start()
    try:
        wait_for_ports(ports.values(), supervisor)
        yield supervisor
    finally:
        supervisor.stop()


def wait_for_ports(ports: Iterable[int], supervisor: Supervisor) -> None:
    """Return once a process listens on each. Raises GaveUp when one of the processes cannot run."""
    for port in ports:
        while True:
            supervisor.tend()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(_LOOK_SECONDS)  # between two looks: nothing tells us of another process's port


def ingest_token(settings: Settings) -> str:
    """A token of our own that stays the same, in a file that this user alone can read."""
    file = settings.data_dir / "ingest-token"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text().strip()
