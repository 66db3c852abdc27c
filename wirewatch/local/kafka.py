"""A single-node Apache Kafka on this machine: fetched, formatted, started, and stopped again."""

from __future__ import annotations

import base64
import fcntl
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from wirewatch.errors import BrokerUnavailable, UserError, WirewatchError
from wirewatch.kafka_broker import KafkaBroker
from wirewatch.local import child
from wirewatch.local.kafka_files import (
    Progress,
    Relayed,
    fetch,
    java,
    logging_properties,
    server_properties,
    version,
)
from wirewatch.local.ports import free_ports
from wirewatch.settings import load

CACHE_DIR = Path(".cache")
"""Below the working folder: where Kafka is fetched to, once for all data folders."""

_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
_READY_SECONDS_MAX = 90.0
_FORMAT_SECONDS_MAX = 120.0
_STOP_SECONDS_MAX = 20.0
_FOLDER_SECONDS_MAX = 10.0
_LOOK_SECONDS = 0.05
_PORT_TRIES_MAX = 3


class _PortTaken(Exception):
    """Somebody took a port between our choice and Kafka's start."""


class LocalKafka:
    """Use as a context manager; ``bootstrap_servers`` is where it listens, on loopback, without a password.

    Its records survive in ``data_dir``. It ends with this process, even when that is killed (see local.tether); start
    it from the main thread. ``start`` and ``stop`` may be called again, and keep the port where it is still free.
    With ``relayed`` it can also be reached by way of a proxy.
    """

    def __init__(
        self,
        data_dir: Path,
        cache_dir: Path = CACHE_DIR,
        progress: Progress = lambda _: None,
        relayed: Relayed | None = None,
    ) -> None:
        self._folder = data_dir / "kafka"
        self.log = data_dir / "logs" / "kafka.log"
        self._out = data_dir / "logs" / "kafka.out"
        self._cache_dir = cache_dir
        self._progress = progress
        self._relayed = relayed
        self._ports: tuple[int, int] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before: dict[Path, int] = {}

    @property
    def bootstrap_servers(self) -> str:
        """host:port of the running broker."""
        if self._ports is None:
            raise WirewatchError("local Kafka was never started")
        return f"127.0.0.1:{self._ports[0]}"

    def start(self) -> None:
        """Return when the broker answers. Raises UserError where Java or Maven is missing, or it does not start."""
        self._folder.mkdir(parents=True, exist_ok=True)
        class_path = fetch(self._cache_dir, self._progress)
        self._wait_for_the_folder()
        for attempt in range(_PORT_TRIES_MAX):
            if self._ports is None or not all(map(_is_free, self._ports)):
                broker, controller = free_ports(2)
                self._ports = broker, controller
            try:
                self._launch(class_path)
            except _PortTaken:
                self._ports = None
                self._progress(f"a port was taken, trying others ({attempt + 1})")
            else:
                return
        raise UserError(f"local Kafka found no free port in {_PORT_TRIES_MAX} tries (its log: {self.log})")

    def stop(self) -> None:
        """Stop in order; kill when that takes too long. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            child.stop(process, _STOP_SECONDS_MAX)

    def kill(self) -> bool:
        """End it as a power cut would: for tests of what survives. False where it did not run any more."""
        process, self._process = self._process, None
        if process is None:
            return False
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_for_the_folder(self) -> None:
        """Kafka looks at its own lock only after it has opened its metadata, so we look first; one that was told to
        end, as its parent died, gets the time to do so."""
        deadline = time.monotonic() + _FOLDER_SECONDS_MAX
        while _is_locked(self._folder / "log" / ".lock"):
            if time.monotonic() > deadline:
                raise UserError(
                    f"another Kafka uses {self._folder}: stop it, or set WIREWATCH_DATA_DIR to another folder"
                )
            time.sleep(_LOOK_SECONDS)

    def _launch(self, class_path: str) -> None:
        assert self._ports is not None  # noqa: S101 - chosen by our caller
        records = self._folder / "log"
        properties = self._folder / "server.properties"
        properties.write_text(server_properties(records, *self._ports, self._relayed), encoding="utf-8")
        logging = self._folder / "log4j2.properties"
        logging.write_text(logging_properties(self.log), encoding="utf-8")
        jvm = [str(java()), *_JVM, f"-Dlog4j2.configurationFile={logging.resolve()}", "-cp", class_path]
        if not (records / "meta.properties").exists():
            self._format(jvm, properties)
        self._said_before = {file: _size(file) for file in (self._out, self.log)}
        started = time.monotonic()
        self._progress(f"starting Apache Kafka {version()} on {self.bootstrap_servers}")
        self._process = child.spawn([*jvm, "kafka.Kafka", str(properties)], log_file=self._out)
        try:
            self._wait_until_ready(started + _READY_SECONDS_MAX)
        except BaseException:
            self.stop()
            raise
        self._progress(f"Apache Kafka is ready ({time.monotonic() - started:.1f} s)")

    def _format(self, jvm: list[str], properties: Path) -> None:
        # The id follows the sign of equality: one that begins with a hyphen would else be taken for an option.
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*jvm, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FORMAT_SECONDS_MAX)
        if done.returncode != 0:
            raise UserError(f"local Kafka could not prepare {self._folder}: {_last_line(done.stdout + done.stderr)}")

    def _wait_until_ready(self, deadline: float) -> None:
        """Ask until it answers: first for the port, then for its metadata."""
        assert self._ports is not None  # noqa: S101 - as above
        while _is_free(self._ports[0]):
            self._check_alive()
            if time.monotonic() > deadline:
                raise UserError(f"local Kafka did not start in {_READY_SECONDS_MAX:.0f} s: see {self.log}")
            time.sleep(_LOOK_SECONDS)
        broker = KafkaBroker(load(kafka_bootstrap_servers=self.bootstrap_servers, kafka_security_protocol="PLAINTEXT"))
        while not _answers(broker):
            self._check_alive()
            if time.monotonic() > deadline:
                raise UserError(f"local Kafka does not answer: see {self.log}")

    def _check_alive(self) -> None:
        if self._process is None or self._process.poll() is None:
            return
        self._process = None
        said = "".join(
            file.read_bytes()[start:].decode(errors="replace")
            for file, start in self._said_before.items()
            if file.exists()
        )
        if "Address already in use" in said or "BindException" in said:
            raise _PortTaken
        raise UserError(f"local Kafka ended at once: {_last_error(said)} (its log: {self.log})")


def _answers(broker: KafkaBroker) -> bool:
    try:
        broker.admin().close()
    except BrokerUnavailable:
        return False
    return True


def _is_locked(file: Path) -> bool:
    """True while a Kafka runs on the folder: Java locks by fcntl, as lockf does."""
    try:
        with file.open("r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such file yet: what is wrong with the folder, Kafka says best
        return False
    return False


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _is_free(port: int) -> bool:
    """True when nobody listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def _last_error(text: str) -> str:
    return _last_line("\n".join(line for line in text.splitlines() if "ERROR" in line or "Exception" in line) or text)
