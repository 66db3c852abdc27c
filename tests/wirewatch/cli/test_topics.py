"""``wirewatch topics``, over the embedded log."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from wirewatch.cli.main import cli, run
from wirewatch.cli.wiring import open_broker
from wirewatch.settings import load
from wirewatch.topics import ARTICLES, TOPICS


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WIREWATCH_PARTITIONS", "3")
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["topics", *arguments], catch_exceptions=False)


def test_creating_twice_creates_once() -> None:
    names = [topic.name for topic in TOPICS]
    assert msgspec.json.decode(call("create", "--json").output) == {"created": names, "existing": []}
    assert msgspec.json.decode(call("create", "--json").output) == {"created": [], "existing": names}
    assert "articles.v1: was there, 3 partitions" in call("create").output


def test_the_list_counts_what_a_topic_holds() -> None:
    call("create")
    with closing(open_broker(load()).producer()) as producer:
        for n in range(10):
            producer.send(ARTICLES.name, b"{}", key=b"%d" % n)
        producer.flush()
    first, *_ = [msgspec.json.decode(line) for line in call("list", "--json").output.splitlines()]
    assert first == {
        "topic": "articles.v1",
        "partitions": 3,
        "first": 0,
        "next": 10,
        "held": 10,
        "purpose": ARTICLES.purpose,
    }
    assert "missing" not in call("list").output


def test_the_list_says_how_to_make_what_is_missing() -> None:
    output = call("list").output
    assert "missing" in output
    assert "wirewatch topics create" in output


def test_another_number_of_partitions_is_one_line_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call("create")
    monkeypatch.setenv("WIREWATCH_PARTITIONS", "5")
    assert run(["topics", "create"]) == 1
    said = capsys.readouterr().err
    assert "has 3 partitions, not 5" in said
    assert said.count("\n") == 1
