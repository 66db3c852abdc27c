"""Rules over HTTP: read, checked with lines, put into use for everybody, and nobody's change overwritten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from consumers.rules_in_use import rules_now
from tests.consumers.api.conftest import Served
from tests.consumers.api.test_api import publish
from tests.consumers.making import mentions
from tests.redis_server import one_kind
from wirewatch.cli.wiring import open_broker
from wirewatch.redis_client import Client
from wirewatch.settings import load
from wirewatch.topics import MENTIONS

pytestmark = pytest.mark.parametrize("redis_server", one_kind("valkey"), indirect=True)

RULES = """\
rules:
  - id: alliance
    severity: warning
    summary: NATO in the news
    actors: {any: [nato]}
"""
WRONG = """\
rules:
  - id: alliance
    severity: loud
    actors: {any: [atlantis]}
"""


def put(server: Served, text: str, version: str | None = None) -> httpx.Response:
    headers = {"If-Match": f'"{version}"'} if version else {}
    return server.http.put("/v1/rules", json={"text": text}, headers=headers)


def current(server: Served) -> dict[str, Any]:
    found: dict[str, Any] = server.http.get("/v1/rules").json()
    return found


def test_the_shipped_rules_are_shown_with_their_text(server: Served) -> None:
    answer = server.http.get("/v1/rules")
    found = answer.json()
    assert (found["origin"], found["at"], found["by"]) == ("shipped", None, None)
    assert answer.headers["etag"] == f'"{found["version"]}"'
    assert all(f"id: {rule['id']}" in found["text"] for rule in found["rules"])


def test_rules_that_are_put_are_in_use_for_everybody_until_they_are_reset(server: Served, client: Client) -> None:
    before = current(server)
    answer = put(server, RULES, before["version"])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["origin"], found["by"], found["text"]) == ("saved", "local", RULES)
    assert [(rule["id"], rule["kind"], rule["summary"]) for rule in found["rules"]] == [
        ("alliance", "article", "NATO in the news")
    ]
    assert current(server)["version"] == found["version"]
    assert rules_now(load(), client).rules.version == found["version"]
    assert server.http.delete("/v1/rules", headers={"If-Match": answer.headers["etag"]}).json() == before


def test_a_change_of_rules_that_others_changed_is_refused(server: Served) -> None:
    before = current(server)
    mine = put(server, RULES, before["version"]).json()
    for answer in (
        put(server, RULES + "\n# another\n", before["version"]),
        server.http.delete("/v1/rules", headers={"If-Match": f'"{before["version"]}"'}),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (412, "changed")
    assert current(server)["version"] == mine["version"]
    assert put(server, RULES + "\n# another\n", mine["version"]).status_code == 200
    assert put(server, RULES).status_code == 200, "without If-Match whatever is there is replaced"
    assert put(server, RULES, before["version"]).status_code == 412


def test_rules_with_mistakes_are_refused_with_the_line_of_each(server: Served) -> None:
    before = current(server)
    answer = put(server, WRONG)
    assert (answer.status_code, answer.json()["reason"]) == (422, "invalid")
    problems = answer.json()["problems"]
    assert problems[0]["where"] == "rules:3"
    assert "severity" in problems[0]["what"]
    assert current(server) == before
    checked = server.http.post("/v1/rules/check", json={"text": WRONG}).json()
    assert checked == {"valid": False, "version": None, "rules": [], "problems": problems}


def test_a_text_is_checked_without_being_used(server: Served) -> None:
    before = current(server)
    checked = server.http.post("/v1/rules/check", json={"text": RULES}).json()
    assert (checked["valid"], checked["rules"], checked["problems"]) == (True, ["alliance"], [])
    unknown = RULES.replace("nato", "atlantis")
    (problem,) = server.http.post("/v1/rules/check", json={"text": unknown}).json()["problems"]
    assert (problem["where"], "no actor 'atlantis'" in problem["what"]) == ("rules:5", True)
    assert current(server) == before


@pytest.mark.parametrize("text", ["", "{", "rules: []", "- a", "a: b: c", "\x00", "rules: &a [*a]"])
def test_a_text_that_is_no_rules_file_is_told_so(server: Served, text: str) -> None:
    checked = server.http.post("/v1/rules/check", json={"text": text}).json()
    assert not checked["valid"]
    assert all(problem["where"].startswith("rules") and problem["what"] for problem in checked["problems"])


def test_what_people_said_of_alerts_makes_the_precision_of_their_rule(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"), mentions("a2", "nato"), mentions("a3", "nato"), mentions("a4", "nato"))
    alerts = server.http.get("/v1/alerts").json()["alerts"]
    for alert, value in zip(alerts, ("true", "true", "false", "unsure"), strict=True):
        server.http.put(f"/v1/alerts/{alert['id']}/verdict", json={"value": value})
    said = {rule["id"]: rule["verdicts"] for rule in current(server)["rules"]}[alerts[0]["rule"]]
    assert said == {"true": 2, "false": 1, "unsure": 1, "precision": pytest.approx(2 / 3)}


def explained(server: Served, **asked: Any) -> httpx.Response:
    return server.http.post("/v1/rules/explain", json=asked)


def test_an_article_that_is_sent_is_explained_rule_by_rule(server: Served) -> None:
    article = {"title": "NATO and Iran meet", "text": "The talks took place in Geneva.", "language": "en"}
    answer = explained(server, article=article)
    assert answer.status_code == 200, answer.text
    shipped = [rule["id"] for rule in current(server)["rules"] if rule["kind"] == "article"]
    assert [rule["rule"] for rule in answer.json()["rules"]] == shipped
    assert any(rule["matched"] for rule in answer.json()["rules"])
    (one,) = explained(server, article=article | {"title": "Rain"}, rules=RULES).json()["rules"]
    assert (one["rule"], one["matched"]) == ("alliance", False)
    assert one["why"]


@pytest.mark.parametrize(
    ("asked", "status", "what"),
    [
        ({}, 422, "either the id"),
        ({"article_id": "a", "article": {"title": "b"}}, 422, "either the id"),
        ({"article": {"text": "b"}}, 422, "title"),
        ({"article": {"title": "b"}, "rules": WRONG}, 422, "mistakes in the rules"),
        ({"article_id": "none"}, 404, "no such article"),
    ],
)
def test_what_cannot_be_explained_is_said(server: Served, asked: dict[str, Any], status: int, what: str) -> None:
    answer = explained(server, **asked)
    assert answer.status_code == status
    assert what in answer.json()["detail"]


def test_rules_are_tried_on_the_articles_of_the_log(server: Served) -> None:
    broker = open_broker(load(data_dir=server.data_dir, partitions=2))
    producer = broker.producer()
    now = datetime.now(UTC)
    for number, actor in enumerate(("nato", "nato", "iran")):
        record = mentions(f"tried-{number}", actor, first_seen=now)
        producer.send(MENTIONS.name, msgspec.json.encode(record), key=f"tried-{number}".encode())
    producer.flush(10)
    producer.close()
    before = current(server)
    found = server.http.post("/v1/rules/backtest", json={"text": RULES, "since": "1h"})
    assert found.status_code == 200, found.text
    tried = found.json()
    assert (tried["records"], tried["articles"], tried["complete"]) == (3, 3, True)
    (tally,) = [rule for rule in tried["rules"] if rule["rule"] == "alliance"]
    assert tally["matches"] == 2
    assert {sample["alert"]["rule"] for sample in tried["samples"] if sample["change"] == "new"} == {"alliance"}
    assert current(server) == before
    logged = explained(server, article_id="tried-2", rules=RULES).json()
    assert (logged["article_id"], [rule["matched"] for rule in logged["rules"]]) == ("tried-2", [False])


@pytest.mark.parametrize(
    ("asked", "where"), [({"text": WRONG}, "rules:3"), ({"text": RULES, "since": "x"}, "body.since")]
)
def test_what_cannot_be_tried_is_said(server: Served, asked: dict[str, str], where: str) -> None:
    answer = server.http.post("/v1/rules/backtest", json=asked)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["where"] == where
