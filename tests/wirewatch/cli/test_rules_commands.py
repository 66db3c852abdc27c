"""``wirewatch rules``, run as a user runs it, over a real Redis and the embedded log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consumers.rules_in_use import rules_now
from tests.consumers.making import mentions
from tests.wirewatch.cli.test_reading_commands import Command, broker, client, command
from wirewatch.broker import Broker
from wirewatch.redis_client import Client
from wirewatch.settings import load
from wirewatch.topics import MENTIONS

__all__ = ["broker", "client", "command"]

ONE = "rules:\n  - id: iran\n    severity: critical\n    actors: {any: [iran]}\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(ONE, "utf-8")
    return path


def test_rules_are_pushed_shown_and_reset(command: Command, client: Client, mine: Path) -> None:
    assert "from /" in command("rules", "show")[1]
    code, out, _ = command("rules", "push", str(mine))
    assert (code, out.split(",")[0]) == (0, "1 rules")
    assert [rule.id for rule in rules_now(load(), client).rules.rules] == ["iran"]
    out = command("rules", "show")[1]
    assert "any of iran" in out
    assert "from saved rules, saved 20" in out
    assert command("rules", "show", "--text")[1] == ONE
    found = json.loads(command("rules", "show", "--json")[1])
    assert (found["origin"], found["rules"][0]["id"]) == ("saved", "iran")
    assert "the saved rules are gone; in use: /" in command("rules", "reset")[1]
    assert "no rules were saved" in command("rules", "reset")[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ONE.replace("critical", "loud"), "mine.yaml:3: severity: Invalid enum value 'loud'; use info, warning"),
        (ONE.replace("iran]", "mars]"), "mine.yaml:4: the watchlist has no actor 'mars'; it has iran"),
    ],
)
def test_a_push_with_a_mistake_is_refused_with_the_line_and_changes_nothing(
    command: Command, client: Client, mine: Path, text: str, told: str
) -> None:
    command("rules", "push", str(mine))
    mine.write_text(text, "utf-8")
    code, out, err = command("rules", "push", str(mine))
    assert (code, out) == (1, "")
    assert told in err
    assert rules_now(load(), client).text == ONE
    assert command("rules", "check", str(mine))[0] == 1


def test_an_article_file_is_explained_without_any_server(command: Command, tmp_path: Path, mine: Path) -> None:
    article = tmp_path / "article.txt"
    article.write_text("NATO meets\n\nIran is not asked. \x1b[31mNobody is.\n", "utf-8")
    code, out, _ = command("rules", "explain", str(article), "--rules", str(mine))
    assert code == 0
    assert "✓ iran (critical): Iran (0.99) named; the rule asks for 0.5" in out
    out = command("rules", "explain", str(article))[1]
    assert "✗ islamic-state-in-headline (critical): not named: islamic-state; the article names NATO, Iran" in out
    assert "✗ watched-actor (info): it would match, but watched-actor-in-headline above it matched already" in out
    found = json.loads(command("rules", "explain", str(article), "--json")[1])
    assert [(each["rule"], each["reason"]) for each in found["rules"]] == [
        ("islamic-state-in-headline", "actor-missing"),
        ("watched-actor-in-headline", "matched"),
        ("watched-actor", "other-rule-matched"),
    ]


def logged(broker: Broker) -> None:
    producer = broker.producer()
    for n, named in enumerate(("nato", "iran", "iran")):
        record = mentions(f"article-{n}", named, title=f"{named} in the news \x1b[31m")
        producer.send(MENTIONS.name, MENTIONS.encode(record), key=f"article-{n}".encode(), partition=n % 2)
    producer.flush()
    producer.close()


def test_an_article_of_the_log_is_explained_by_its_id(command: Command, broker: Broker, mine: Path) -> None:
    logged(broker)
    code, out, _ = command("rules", "explain", "article-2", "--rules", str(mine))
    assert code == 0
    assert out.splitlines()[0].startswith("iran in the news")
    assert "\x1b" not in out
    assert "✓ iran" in out
    code, _, err = command("rules", "explain", "article-9")
    assert code == 1
    assert "no such article among the 3 of the log" in err


def test_a_backtest_shows_alerts_a_day_samples_and_the_difference_from_the_rules_in_use(
    command: Command, broker: Broker, mine: Path
) -> None:
    logged(broker)
    code, out, err = command("rules", "backtest", str(mine), "--since", "1h")
    assert code == 0, err
    assert "3 records, 3 articles with watched actors" in out
    assert "2 alerts (" in out
    assert "New alerts, the newest:" in out
    assert "Alerts that would be gone" in out
    assert "\x1b" not in out
    found = json.loads(command("rules", "backtest", str(mine), "--json")[1])
    assert (found["alerts"], found["alerts_before"], found["new"], found["gone"]) == (2, 3, 2, 3)
    assert command("rules", "backtest", str(mine), "--against", str(mine))[1].count("New alerts") == 0


def test_a_backtest_of_an_empty_log_says_so(command: Command, broker: Broker, mine: Path) -> None:
    assert "the log holds no records of that time" in command("rules", "backtest", str(mine))[1]


def test_the_json_schema_names_what_a_rule_may_ask(command: Command) -> None:
    schema = json.loads(command("rules", "schema")[1])
    rule = schema["$defs"]["Rule"]
    assert {"actors", "words", "quiet", "unless"} < set(rule["properties"])
    assert rule["additionalProperties"] is False
    assert set(schema["$defs"]["_File"]["properties"]) == {"rules", "volume", "sources"}
    assert set(schema["$defs"]["Quiet"]["properties"]) == {"days", "from", "to", "zone"}
