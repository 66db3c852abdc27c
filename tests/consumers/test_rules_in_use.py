"""Which rules are in use: saved before file before shipped; a change is taken up, a mistake is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers import rules_in_use
from consumers.matching import matches
from consumers.rule_file import load_rules
from consumers.rules_in_use import InUse, RulesInUse, SavedRules, check_rules, rules_now
from tests.consumers.making import M0, NOON, days_later, log_of, mentions, settings, store
from tests.redis_server import RedisServer
from wirewatch.errors import UserError
from wirewatch.redis_client import Client, connect

ONE = "rules:\n  - id: one\n    severity: info\n"
TWO = "rules:\n  - id: two\n    severity: critical\n"
BAD = "rules:\n  - id: two\n    severity: loud\n"


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


def saved(client: Client) -> SavedRules:
    return SavedRules(client, "ww")


def save(client: Client, text: str) -> None:
    assert saved(client).save(text, by="ann", now=NOON)


def write(path: Path, text: str, at: int) -> Any:
    """The file with that text and a time of change of its own, and settings that name it."""
    path.write_text(text, "utf-8")
    os.utime(path, (at, at))
    return settings(rules=path)


def ids(found: InUse) -> tuple[str, list[str]]:
    return found.origin, [rule.id for rule in found.rules.rules]


def test_saved_rules_go_before_the_file_and_the_file_before_the_shipped_ones(client: Client, tmp_path: Path) -> None:
    of_file = write(tmp_path / "r.yaml", ONE, 1)
    assert rules_now(settings(), client).origin == "shipped"
    assert rules_now(settings(), None).rules == load_rules()
    assert ids(rules_now(of_file, client)) == ("file", ["one"])
    save(client, TWO)
    found = rules_now(of_file, client)
    assert ids(found) == ("saved", ["two"])
    assert (found.text, found.by, found.at) == (TWO, "ann", NOON)
    assert found.rules.version == saved(client).version() != ""
    assert found.since == NOON
    assert saved(client).reset(days_later(1))
    assert not saved(client).reset(days_later(2))
    found = rules_now(of_file, client)
    assert ids(found) == ("file", ["one"])
    assert found.since == days_later(2), "articles from before may have been decided by the saved ones"


def test_a_change_is_taken_up_without_a_restart(client: Client, tmp_path: Path) -> None:
    rules = RulesInUse(write(tmp_path / "r.yaml", ONE, 1), client, look_seconds=0)
    assert ids(rules.in_use()) == ("file", ["one"])
    write(tmp_path / "r.yaml", TWO, 2)
    assert ids(rules.in_use()) == ("file", ["two"])
    save(client, ONE)
    assert ids(rules.in_use()) == ("saved", ["one"])
    saved(client).reset()
    assert ids(rules.in_use()) == ("file", ["two"])


def test_rules_with_mistakes_are_ignored_with_the_line_and_those_in_use_stay(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = RulesInUse(write(tmp_path / "r.yaml", ONE, 1), client, look_seconds=0)
    write(tmp_path / "r.yaml", BAD, 2)
    assert ids(rules.in_use()) == ("file", ["one"])
    assert "r.yaml:3: severity" in capsys.readouterr().out
    assert ids(rules.in_use()) == ("file", ["one"])
    assert capsys.readouterr().out == "", "a mistake is told once"
    save(client, BAD)
    assert ids(rules.in_use()) == ("file", ["one"])
    assert "saved rules:3: severity" in capsys.readouterr().out


def test_saved_rules_that_cannot_be_read_do_not_keep_a_stage_from_starting(client: Client, tmp_path: Path) -> None:
    save(client, BAD)
    assert ids(RulesInUse(write(tmp_path / "r.yaml", ONE, 1), client).in_use()) == ("file", ["one"])
    with pytest.raises(UserError, match=r"r.yaml:3"):
        RulesInUse(write(tmp_path / "r.yaml", BAD, 2), client)


def test_rules_are_saved_only_over_the_version_that_they_were_made_from(client: Client) -> None:
    assert saved(client).save(ONE, by="ann", now=NOON, expected="")
    assert not saved(client).save(TWO, by="bob", now=NOON, expected="")
    assert saved(client).save(TWO, by="bob", now=NOON, expected=saved(client).version())
    found = saved(client).read()
    assert found is not None
    assert (found.text, found.by) == (TWO, "bob")


def test_rules_to_be_saved_name_only_actors_of_the_watchlist_and_are_of_bounded_size() -> None:
    assert check_rules(ONE, "mine.yaml", ["nato"]).rules[0].id == "one"
    with pytest.raises(UserError, match=r"mine.yaml:4: the watchlist has no actor 'mars'"):
        check_rules(ONE + "    actors: {any: [mars]}\n", "mine.yaml", ["nato"])
    with pytest.raises(UserError, match=r"mine.yaml: larger than"):
        check_rules("#" * (rules_in_use.SAVED_BYTES_MAX + 1), "mine.yaml", ["nato"])


def test_with_redis_away_the_last_rules_stay(redis_server: RedisServer) -> None:
    client = connect(redis_server.url)
    save(client, ONE)
    rules = RulesInUse(settings(), client, look_seconds=0)
    redis_server.kill()
    try:
        assert ids(rules.in_use()) == ("saved", ["one"])
    finally:
        redis_server.start()
    client.close()


def test_counting_goes_on_by_other_rules_from_one_batch_to_the_next(client: Client) -> None:
    save(client, ONE)
    rules = RulesInUse(settings(), client, look_seconds=0)
    member = store(client, lambda record, now: matches(rules.current(), record, now))
    log = log_of(M0, [mentions(f"a{n}", "nato") for n in range(4)])
    member.apply(M0, 0, 2, log[:2])
    save(client, TWO)
    member.apply(M0, 2, 4, log[2:])
    raised = [fields["alert"] for _, fields in client.xrange("ww:{m0}:outbox")]
    assert ['"rule":"one"' in alert for alert in raised] == [True, True, False, False]
    assert ['"rule":"two"' in alert for alert in raised] == [False, False, True, True]
