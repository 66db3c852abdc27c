"""``wirewatch bench rules``: what it measures is the same work at every number of rules."""

from __future__ import annotations

import json

import pytest

from wirewatch.cli.bench_rules import measure
from wirewatch.cli.main import run


def test_an_article_has_about_as_many_rules_to_ask_among_a_thousand_as_among_ten() -> None:
    few, many = measure(articles=100, rounds=1, seed=1, sizes=(10, 1_000))
    assert (few.rules, many.rules) == (10, 1_000)
    assert few.asked == pytest.approx(many.asked, rel=0.2)
    assert few.matched == pytest.approx(many.matched, rel=0.2)


def test_the_figures_come_with_the_machine_and_the_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["bench", "rules", "--articles", "5", "--rounds", "1", "--rules", "10", "--rules", "1000", "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert [row["rules"] for row in found["rows"]] == [10, 1_000]
    assert found["cores"]
    assert found["python"]
