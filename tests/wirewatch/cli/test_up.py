"""``wirewatch up``: everything on one machine, as a user starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from consumers.stages import STAGES
from tests.path_contract import oracle
from wirewatch.local.ports import free_ports


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """Nothing configured elsewhere, whatever the machine that runs the tests has."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "REDIS_", "WIREWATCH_"))
    }
    return kept | {"WIREWATCH_DATA_DIR": str(data_dir), "COLUMNS": "140"} | more


@contextmanager
def up(env: Mapping[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """A running `wirewatch up`, after it said that it runs. Killed with its children if a test leaves it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wirewatch", "up", *options],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Wirewatch is running" in line:
                break
        else:
            pytest.fail("".join(said))
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def ask(url: str, data: object = None, token: str = "") -> bytes:
    request = urllib.request.Request(url, None if data is None else json.dumps(data).encode())  # noqa: S310
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        body: bytes = response.read()
        return body


def next_alert(url: str) -> dict[str, object]:
    """The first alert of the stream, from its very beginning."""
    request = urllib.request.Request(f"{url}/v1/alerts/stream", headers={"Last-Event-ID": "0-0"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as stream:  # noqa: S310
        for line in stream:
            if line.startswith(b"data:"):
                alert: dict[str, object] = json.loads(line[5:])
                return alert
    raise AssertionError("the stream ended")


def test_once_shows_every_alert_and_the_counters_of_the_samples_and_leaves_nothing_behind(tmp_path: Path) -> None:
    expected, naming, rejected = oracle()
    done = subprocess.run(
        [sys.executable, "-m", "wirewatch", "up", "--once"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f" alerts of {len(naming)} articles" in done.stdout
    assert f"{rejected} rejected (kept in dead letters)" in done.stdout
    counted = {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"^ ([a-z-]+) +(\d+) +(\d+) *$", done.stdout, re.M)}
    assert counted == expected
    for word in ("›Iran", "critical", "wirewatch up"):
        assert word in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["up.lock"] or not list(tmp_path.glob("once-*"))
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or ())]


def test_an_article_sent_over_http_comes_out_of_the_alert_stream_and_every_process_serves_its_metrics(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with up(environment(tmp_path, WIREWATCH_HTTP_PORT=str(port))) as process:
        token = (tmp_path / "ingest-token").read_text()
        answer = json.loads(ask(f"{url}/v1/articles", {"source": "test", "title": "NATO meets", "text": ""}, token))
        assert answer["accepted"] == 1
        assert next_alert(url)["article_id"] == answer["items"][0]["id"]
        assert json.loads(ask(f"{url}/readyz"))["ready"] is True
        targets = json.loads((tmp_path / "metrics-targets.json").read_bytes())
        assert [target["labels"]["process"] for target in targets] == [*STAGES, "serve"]
        for target in targets:
            assert b"wirewatch_build_info" in ask(f"http://{target['targets'][0]}/metrics")
        children = psutil.Process(process.pid).children(recursive=True)
        assert {place for child in children for place in listening(child)} == {"127.0.0.1"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not psutil.wait_procs(children, timeout=10)[1]
    said = [file for file in tmp_path.rglob("*") if file.is_file() and file.name != "ingest-token"]
    assert not [file for file in said if token.encode() in file.read_bytes()]


def listening(process: psutil.Process) -> set[str]:
    """The addresses that a process takes connections on."""
    return {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}


def test_what_was_counted_is_there_after_a_restart_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    article = {"source": "test", "title": "NATO meets", "text": ""}
    for _ in range(2):
        with up(environment(tmp_path, WIREWATCH_HTTP_PORT=str(port))) as process:
            ask(f"{url}/v1/articles", article, (tmp_path / "ingest-token").read_text())
            next_alert(url)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    with up(environment(tmp_path, WIREWATCH_HTTP_PORT=str(port))):
        rows = json.loads(ask(f"{url}/v1/counters?by=actor"))["rows"]
    assert [(row["actor"], row["articles"]) for row in rows] == [("nato", 1)]


def test_killing_up_leaves_no_process_behind(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with up(environment(tmp_path, WIREWATCH_HTTP_PORT=str(port))) as process:
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= len(STAGES) + 2
        process.kill()
        assert not psutil.wait_procs(children, timeout=30)[1]


def test_a_second_up_on_the_same_data_is_refused_in_one_line(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    env = environment(tmp_path, WIREWATCH_HTTP_PORT=str(port))
    with up(env):
        second = subprocess.run(
            [sys.executable, "-m", "wirewatch", "up"], env=env, capture_output=True, text=True, check=False
        )
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert "Traceback" not in second.stderr
