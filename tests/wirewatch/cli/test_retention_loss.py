"""Redis was wiped and the log has dropped records: the stage ends with one line, and a rebuild accepts what is left."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.consumers.making import mentions
from wirewatch.broker import TopicPartition
from wirewatch.cli.main import run
from wirewatch.sqlite_broker import SqliteBroker
from wirewatch.sqlite_log import SqliteLog, now_ms
from wirewatch.topics import MENTIONS


def expire(path: Path, before: int) -> None:
    """Records below ``before`` are made old, and retention drops them."""
    with closing(SqliteLog(path)) as log:
        start = log.partition_id(TopicPartition(MENTIONS.name, 1)) << 40
        with log.transaction() as connection:
            connection.execute(
                "UPDATE log SET timestamp_ms = 0 WHERE place BETWEEN ? AND ?", (start, start + before - 1)
            )
        assert log.drop_expired(now_ms()) == before


def test_a_wiped_redis_behind_the_log_ends_the_stage_with_what_to_do_and_a_rebuild_goes_on(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("WIREWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WIREWATCH_PARTITIONS", "2")
    assert run(["topics", "create"]) == 0
    path = tmp_path / "log.sqlite3"
    with closing(SqliteBroker(path).producer()) as producer:
        for n in range(5):
            header = (("src.offset", b"%d" % n),)
            producer.send(MENTIONS.name, MENTIONS.encode(mentions(f"a{n}", "nato")), partition=1, headers=header)
    expire(path, 3)
    capfd.readouterr()
    assert run(["consume", "counters"]) == 1
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("wirewatch:")]
    for told in ("mentions.v1/1", "stands at 0", "begins at 3", "`wirewatch rebuild counters`"):
        assert told in line
    assert run(["rebuild", "counters", "--yes"]) == 0
    capfd.readouterr()
    assert run(["verify", "--json"]) == 0
    verdict = json.loads(capfd.readouterr().out)
    assert (verdict["records"], verdict["differences"], verdict["partial"]) == (2, [], [])
