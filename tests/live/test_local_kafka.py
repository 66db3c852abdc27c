"""Apache Kafka on this machine: it waits for its answer, leaves nothing behind, and says what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from wirewatch.errors import UserError
from wirewatch.kafka_broker import KafkaBroker
from wirewatch.local.kafka import CACHE_DIR, LocalKafka
from wirewatch.local.kafka_files import fetch, java
from wirewatch.settings import load

pytestmark = pytest.mark.live

_ROOT = Path(__file__).resolve().parents[2]
_END_SECONDS_MAX = 30.0

_PARENT = """
import sys, pathlib
from wirewatch.local.kafka import LocalKafka
kafka = LocalKafka(pathlib.Path(sys.argv[1]))
kafka.start()
print(kafka.bootstrap_servers, kafka._process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module", autouse=True)
def _fetched() -> None:
    try:
        fetch(CACHE_DIR, lambda _: None)
        java()
    except UserError as error:
        pytest.skip(f"{error}; then `make test` runs this")


def test_a_killed_parent_leaves_no_kafka_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path)],
        cwd=_ROOT,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        servers, pid = parent.stdout.readline().split()
        server = psutil.Process(int(pid))
        KafkaBroker(load(kafka_bootstrap_servers=servers)).admin().close()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    gone, alive = psutil.wait_procs([server], _END_SECONDS_MAX)
    assert (len(gone), alive) == (1, [])


def test_a_second_kafka_on_the_same_folder_is_refused_by_name(tmp_path: Path) -> None:
    told: list[str] = []
    with LocalKafka(tmp_path, progress=told.append) as kafka:
        assert any("starting Apache Kafka" in line for line in told)
        assert "ready" in told[-1]
        with pytest.raises(UserError, match=f"another Kafka uses {tmp_path}"):
            LocalKafka(tmp_path).start()
        KafkaBroker(load(kafka_bootstrap_servers=kafka.bootstrap_servers)).admin().close()


def test_an_unusable_folder_is_one_line_with_kafkas_own_reason(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "log").write_text("a file where Kafka wants a folder")
    with pytest.raises(UserError, match="local Kafka could not prepare") as caught:
        LocalKafka(tmp_path).start()
    assert "\n" not in str(caught.value)


def test_fetching_what_is_there_needs_no_maven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    told: list[str] = []
    assert fetch(CACHE_DIR, told.append).endswith("*")
    assert told == []


def test_a_missing_maven_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"no `mvn` on PATH: install it"):
        fetch(tmp_path, lambda _: None)


def test_two_that_fetch_at_once_fetch_once(tmp_path: Path) -> None:
    told: list[str] = []
    threads = [threading.Thread(target=fetch, args=(tmp_path, told.append)) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 110
    for thread in threads:
        thread.join(deadline - time.monotonic())
    assert len([line for line in told if "once" in line]) == 1
    assert list(tmp_path.glob("kafka/*/jars/kafka_*.jar"))
