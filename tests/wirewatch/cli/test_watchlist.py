"""``wirewatch watchlist check`` and ``explain``, run as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wirewatch.cli.main import run

DATA = Path(__file__).parents[2] / "data" / "watchlist"


def test_the_shipped_watchlist_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watchlist", "check"]) == 0
    assert "fine: 3 actors" in capsys.readouterr().out


def test_every_mistake_is_one_line_with_its_place_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((DATA / "bad-id.yaml").read_text().replace("nl:", "dutch:"))
    assert run(["watchlist", "check", str(path)]) == 1
    out, err = capsys.readouterr()
    assert [line.split(": ")[0] for line in out.splitlines()] == [f"{path}:3", f"{path}:6"]
    assert err.strip() == f"wirewatch: 2 to mend in {path}"


@pytest.mark.parametrize(("file", "code", "problems"), [("good.yaml", 0, 0), ("bad-kind.yaml", 1, 1)])
def test_check_speaks_json(file: str, code: int, problems: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watchlist", "check", "--json", str(DATA / file)]) == code
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], len(found["problems"])) == (code == 0, problems)


def test_explain_shows_what_was_matched_what_was_not_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watchlist", "explain", "HET IS VOORBIJ voor de terreurgroep IS"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "HET IS VOORBIJ voor de terreurgroep IS",
        "language: nl (0.95)",
        '✗ IS at 4: islamic-state, name: never in "het is"',
        '✓ IS at 36: islamic-state, name 0.94: "IS" with capitals among small letters, cue "terreurgroep" before',
    ]


def test_explain_says_when_no_name_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watchlist", "explain", "Weer regen"]) == 0
    assert "nothing in this text has the letters of a name" in capsys.readouterr().out


def test_explain_speaks_json_and_takes_the_declared_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watchlist", "explain", "--json", "--language", "it", "Nato a Roma"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["lang"] == "it"
    (candidate,) = found["candidates"]
    assert (candidate["text"], candidate["matched"]) == ("Nato", False)


def test_a_watchlist_with_a_mistake_explains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watchlist", "explain", "--watchlist", str(DATA / "no-name.yaml"), "Iran"]) == 1
    assert "no-name.yaml:3: name is missing" in capsys.readouterr().err
