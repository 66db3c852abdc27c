"""``wirewatch doctor`` against this machine, the embedded log and a real Redis server; nothing is replaced."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wirewatch.cli.wiring import open_broker
from wirewatch.local.valkey import LocalValkey
from wirewatch.settings import load
from wirewatch.topics import TOPICS

SECRET = "5ec2e7" + 29 * "ab"


def doctor(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the data folder ``folder`` and no settings of this machine."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("WIREWATCH_", "KAFKA_", "REDIS_"))}
    return subprocess.run(
        [sys.executable, "-m", "wirewatch", "doctor", *arguments],
        env={**clean, "WIREWATCH_DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def verdicts(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {check["name"]: check["verdict"] for check in json.loads(result.stdout)["checks"]}


def test_a_fresh_machine_has_nothing_to_mend_and_nothing_is_made(tmp_path: Path) -> None:
    result = doctor(tmp_path / "data")
    assert (result.returncode, result.stderr) == (0, "")
    assert "✓ broker: the embedded log" in result.stdout
    assert not (tmp_path / "data").exists()


def test_the_embedded_log_and_a_running_redis_are_looked_at(tmp_path: Path) -> None:
    valkey = LocalValkey(tmp_path).start()
    try:
        open_broker(load(data_dir=tmp_path)).admin().close()
        result = doctor(tmp_path, "--json")
    finally:
        valkey.stop()
    assert result.returncode == 0, result.stdout
    seen = verdicts(result)
    assert (seen["broker"], seen["topics"], seen["redis"]) == ("ok", "note", "ok")
    # As `up` starts it, it keeps a log and evicts nothing.
    assert "redis log" not in seen
    assert "redis memory" not in seen
    assert valkey.url not in result.stdout


def test_servers_that_are_away_are_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = doctor(tmp_path, KAFKA_BOOTSTRAP_SERVERS=address, REDIS_URL=f"redis://:{SECRET}@{address}/0")
    assert result.returncode == 1
    assert "✗ broker: " in result.stdout
    assert "✗ redis: " in result.stdout
    assert result.stderr == "wirewatch: to mend: broker, redis\n"
    assert "Traceback" not in result.stdout
    assert SECRET not in result.stdout


def test_a_watchlist_that_does_not_load_is_named_by_file(tmp_path: Path) -> None:
    result = doctor(tmp_path, "--json", WIREWATCH_WATCHLIST=str(tmp_path / "none.yaml"))
    assert result.returncode == 1
    assert verdicts(result)["watchlist"] == "wrong"
    assert str(tmp_path / "none.yaml") in result.stdout


@pytest.mark.parametrize("arguments", [["--settings"], ["--settings", "--json"]])
def test_settings_are_printed_with_secrets_masked(arguments: list[str], tmp_path: Path) -> None:
    result = doctor(tmp_path, *arguments, WIREWATCH_INGEST_TOKENS=f"anp:sha256:{SECRET}", WIREWATCH_PARTITIONS="3")
    assert result.returncode == 0, result.stderr
    shown = (
        json.loads(result.stdout)
        if "--json" in arguments
        else dict(line.split("=", 1) for line in result.stdout.splitlines())
    )
    assert shown["WIREWATCH_PARTITIONS"] == "3"
    assert shown["WIREWATCH_INGEST_TOKENS"] == "**********"
    assert shown["REDIS_URL"] == ""
    assert SECRET not in result.stdout


def test_every_topic_is_asked_for(tmp_path: Path) -> None:
    open_broker(load(data_dir=tmp_path)).admin().close()
    result = doctor(tmp_path)
    assert all(topic.name in result.stdout for topic in TOPICS)
