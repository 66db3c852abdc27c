"""``wirewatch topics`` over the embedded log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wirewatch.cli.main import run
from wirewatch.topics import TOPICS


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WIREWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    return tmp_path


def test_missing_topics_are_created_once_and_then_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topics", "create", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["created"] == [topic.name for topic in TOPICS]
    assert run(["topics", "create"]) == 0
    assert "nothing to create" in capsys.readouterr().out
    assert run(["topics", "list", "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["topic"], row["partitions"], row["written"]) for row in listed] == [(t.name, 12, 0) for t in TOPICS]


def test_a_log_without_topics_says_how_to_make_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topics", "list"]) == 1
    assert "run `wirewatch topics create`" in capsys.readouterr().err


def test_another_number_of_partitions_is_refused_with_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["topics", "create"]) == 0
    monkeypatch.setenv("WIREWATCH_PARTITIONS", "5")
    assert run(["topics", "create"]) == 1
    told = capsys.readouterr().err
    assert "has 12 partitions, not 5" in told
    assert "WIREWATCH_PARTITIONS=12" in told
    assert "Traceback" not in told
