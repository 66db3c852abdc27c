"""``wirewatch match``, run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.seeds import FOLDER
from wirewatch.cli.main import run

GOOD = {
    "id": "a1",
    "lang": "nl",
    "title": "NAVO-baas waarschuwt Iran",
    "text": "De terreurgroep IS is terug.",
    "summary": "Teheran zwijgt.",
}


def lines(path: Path, *articles: object) -> str:
    file = path / "articles.jsonl"
    file.write_text("".join(a if isinstance(a, str) else json.dumps(a) + "\n" for a in articles), encoding="utf-8")
    return str(file)


def matched(capfdbinary: pytest.CaptureFixture[bytes]) -> tuple[list[dict[str, Any]], str]:
    out, err = capfdbinary.readouterr()
    return [json.loads(line) for line in out.decode().splitlines()], err.decode()


def test_an_article_gives_one_line_with_its_actors_and_their_mentions(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(["match", "--actors-only", lines(tmp_path, GOOD)]) == 0
    (line,), err = matched(capfdbinary)
    assert err == ""
    assert list(line) == ["id", "lang", "actors", "entities"]
    assert (line["id"], line["lang"], line["entities"]) == ("a1", "nl", [])
    assert {actor["id"]: [m["text"] for m in actor["mentions"]] for actor in line["actors"]} == {
        "nato": ["NAVO-baas"],
        "iran": ["Iran", "Teheran"],
        "islamic-state": ["IS"],
    }
    for actor in line["actors"]:
        assert 0 < actor["score"] <= 1
        for mention in actor["mentions"]:
            assert list(mention) == ["text", "start", "end", "field", "kind", "why"]
            assert GOOD[mention["field"]][mention["start"] : mention["end"]] == mention["text"]


def test_a_bad_line_is_named_and_the_rest_is_matched(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = lines(tmp_path, GOOD, "nope\n", "\n", '{"id": "b", "title": 7}\n', "[]\n", {**GOOD, "id": 9})
    assert run(["match", "--actors-only", file]) == 1
    found, err = matched(capfdbinary)
    assert [line["id"] for line in found] == ["a1", 9]
    assert [problem.split(": ")[0] for problem in err.splitlines()] == [f"{file}:{number}" for number in (2, 4, 5)]


def test_missing_parts_are_empty_and_a_missing_id_is_the_line_number(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(["match", "--actors-only", lines(tmp_path, {"title": None}, {"title": "Iran", "extra": 1})]) == 0
    found, _ = matched(capfdbinary)
    assert [(line["id"], line["lang"], len(line["actors"])) for line in found] == [(1, None, 0), (2, None, 1)]


def test_another_watchlist_finds_other_actors(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    watchlist = tmp_path / "mine.yaml"
    watchlist.write_text("version: 1\nactors:\n  - {id: eu, name: EU, aliases: {any: [European Union]}}\n")
    file = lines(tmp_path, {"id": "x", "title": "Iran and the European Union"})
    assert run(["match", "--actors-only", "--watchlist", str(watchlist), file]) == 0
    (line,), _ = matched(capfdbinary)
    assert [actor["id"] for actor in line["actors"]] == ["eu"]


@pytest.mark.parametrize("arguments", [["no-such-file.jsonl"], ["--watchlist", "no-such-file.yaml"]])
def test_a_file_that_is_not_there_is_one_line(arguments: list[str], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["match", "--actors-only", *arguments]) == 1
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert len(err.splitlines()) == 1
    assert b"no-such-file" in err


def test_each_line_is_answered_before_the_next_is_read() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "wirewatch", "match", "--actors-only"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(json.dumps({**GOOD, "id": number}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait() == 0


def test_without_trained_pipelines_it_says_so_and_still_finds_actors(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("WIREWATCH_MODELS_DIR", str(models))
    assert run(["match", lines(tmp_path, GOOD)]) == 0
    (line,), _ = matched(capfdbinary)
    assert len(line["actors"]) == 3
    assert isinstance(line["entities"], list)


def test_sample_files_can_be_matched_as_they_are(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = FOLDER / "articles" / "nl" / "navo-missie-irak.jsonl"
    assert run(["match", "--actors-only", str(file)]) == 0
    found, _ = matched(capfdbinary)
    assert {actor["id"] for actor in found[0]["actors"]} == {"nato", "iran", "islamic-state"}
