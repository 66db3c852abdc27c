"""The API over HTTP: what it answers, and how it refuses."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from consumers.api.health import ANSWER_SECONDS_MAX
from consumers.matching import matches
from consumers.outbox import OutboxConsumer
from consumers.rule_file import load_rules
from tests.consumers.api.conftest import TOKEN, Served
from tests.consumers.making import KEYS, M0, mentions, received, settings, store
from tests.redis_server import RedisServer
from wirewatch.metrics import Metrics
from wirewatch.records import Mentions
from wirewatch.redis_client import Client

RULES = load_rules()


def publish(client: Client, *records: Mentions, kept: int = 100_000) -> None:
    """Take records the way of the stages ``counters`` and ``relay``."""
    member = store(client, lambda m, now: matches(RULES, m, now))
    start = member.positions(frozenset({M0})).get(M0, 0)
    batch = [received(M0, start + n, record) for n, record in enumerate(records)]
    member.apply(M0, start, start + len(batch), batch)
    relay = OutboxConsumer(client, KEYS, settings(alerts_kept=kept), Metrics())
    while polled := relay.poll(0.01, 100):
        relay.commit({where: messages[-1].offset + 1 for where, messages in polled.items()})


def test_alerts_are_listed_newest_first_with_times_in_rfc_3339(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"), mentions("a2", "islamic-state", "iran", title="Ἀθῆναι 🗞"))
    page = server.http.get("/v1/alerts").json()
    assert [alert["article_id"] for alert in page["alerts"]] == ["a2", "a1"]
    assert page["next"] is None
    newest = page["alerts"][0]
    assert newest["first_seen"] == "2096-03-02T12:30:00Z"
    assert newest["title"] == "Ἀθῆναι 🗞"
    assert newest["severity"] == "critical"
    assert {actor["id"] for actor in newest["actors"]} == {"islamic-state", "iran"}
    assert newest["sentences"][0]["highlights"]
    assert newest["raised"].endswith("Z")


def test_pages_are_read_with_the_cursor_of_the_page_before(server: Served, client: Client) -> None:
    publish(client, *(mentions(f"a{n}", "nato") for n in range(5)))
    found, cursor = [], None
    for _ in range(9):
        page = server.http.get("/v1/alerts", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [alert["article_id"] for alert in page["alerts"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == ["a4", "a3", "a2", "a1", "a0"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"actor": "iran"}, ["a1"]),
        ({"severity": "critical"}, ["a2"]),
        ({"language": "nl"}, []),
        ({"since": "1h", "rule": "watched-actor-in-headline"}, ["a1"]),
    ],
)
def test_alerts_are_filtered(server: Served, client: Client, asked: dict[str, str], found: list[str]) -> None:
    publish(client, mentions("a1", "iran"), mentions("a2", "islamic-state"))
    page = server.http.get("/v1/alerts", params=asked).json()
    assert [alert["article_id"] for alert in page["alerts"]] == found


def test_counters_are_answered_as_rows(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato", "iran"), mentions("a2", "nato"))
    asked = {"by": "hour", "actor": "nato", "since": "2096-03-02", "until": "2096-03-03"}
    answer = server.http.get("/v1/counters", params=asked).json()
    hour = {"actor": "nato", "label": None, "key": "2096-03-02T12:00:00Z", "articles": 2, "mentions": 2}
    assert answer == {
        "by": "hour",
        "since": "2096-03-02T00:00:00Z",
        "until": "2096-03-03T00:00:00Z",
        "applied": 2,
        "rows": [hour],
    }


@pytest.mark.parametrize(
    ("path", "where", "what"),
    [
        ("/v1/alerts?limit=0", "query.limit", "greater than or equal to 1"),
        ("/v1/alerts?limit=501", "query.limit", "less than or equal to 500"),
        ("/v1/alerts?limit=many", "query.limit", "valid integer"),
        ("/v1/alerts?severity=loud", "query.severity", "'info', 'warning' or 'critical'"),
        ("/v1/alerts?since=yesterday", "query.since", "'yesterday' is no time: write 30m, 2h, 7d, or 2026"),
        ("/v1/alerts?cursor=abc", "query.cursor", "this is no cursor"),
        ("/v1/alerts?actors=nato", "query.actors", "Extra inputs are not permitted"),
        ("/v1/counters?by=minute", "query.by", "'hour'"),
        ("/v1/counters?since=2020-01-01", "query.since", "must be before `until`, by at most 400 days"),
        ("/v1/counters?until=2020-01-01&since=1h", "query.since", "must be before `until`"),
        ("/v1/alerts/stream?last_event_id=x", "query.last_event_id", "this is no cursor"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_to_write(server: Served, path: str, where: str, what: str) -> None:
    answer = server.http.get(path)
    assert answer.status_code == 422
    refusal = answer.json()
    assert refusal["reason"] == "invalid"
    (problem,) = refusal["problems"]
    assert problem["where"] == where
    assert what in problem["what"]
    assert what in refusal["detail"]


def test_a_path_that_does_not_exist_leads_to_those_that_do(server: Served) -> None:
    answer = server.http.get("/v2/alerts")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Not Found; / names the endpoints"
    endpoints = server.http.get("/").json()["endpoints"]
    assert {"GET /v1/alerts", "GET /v1/alerts/stream", "GET /v1/counters", "POST /v1/articles"} <= endpoints.keys()
    assert all(endpoints.values())


def test_every_answer_carries_the_security_headers(server: Served) -> None:
    for path in ("/", "/healthz", "/v1/alerts", "/nowhere", "/v1/alerts?limit=0"):
        headers = server.http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        # What has an ETag may be kept, and is asked about each time.
        assert headers["cache-control"] == ("private, no-cache" if "etag" in headers else "no-store")
        assert "server" not in headers


def test_the_openapi_document_describes_the_records(server: Served) -> None:
    document = server.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    assert {"AlertPage", "AlertItem", "Counters", "CounterRow", "Refusal"} <= schemas.keys()
    answer = document["paths"]["/v1/alerts"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/AlertPage"}
    named = {name.rsplit("/", 1)[1] for name in _references(document)}
    assert named <= schemas.keys()


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(_references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(value) for value in node))
    return set()


def test_an_article_posted_is_accepted_on_the_same_port(server: Served) -> None:
    article = {"source": "me", "title": "NATO meets", "text": "The allies meet."}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert server.http.post("/v1/articles", json=article).status_code == 401
    assert server.http.post("/v1/articles", json=article, headers=headers).status_code == 202


def test_a_server_with_what_it_needs_is_ready(server: Served) -> None:
    assert server.http.get("/healthz").json() == {"status": "alive"}
    answer = server.http.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "parts": {"broker": "ok", "redis": "ok"}})


def test_without_redis_the_server_lives_is_not_ready_and_answers_503(redis_server: RedisServer, server: Served) -> None:
    redis_server.kill()
    try:
        assert server.http.get("/healthz").status_code == 200
        ready = server.http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["parts"]["broker"] == "ok"
        assert ready.json()["parts"]["redis"].startswith("Redis: ")
        for path in ("/v1/alerts", "/v1/counters", "/v1/alerts/stream"):
            answer = server.http.get(path)
            assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
            assert answer.headers["retry-after"]
    finally:
        redis_server.start()
    assert server.http.get("/readyz").status_code == 200


def test_a_redis_that_hangs_makes_the_server_not_ready_within_seconds(
    redis_server: RedisServer, server: Served
) -> None:
    redis_server.suspend()
    try:
        for _ in range(2):
            ready = server.http.get("/readyz", timeout=ANSWER_SECONDS_MAX + 5)
            assert ready.status_code == 503
            assert ready.json()["parts"] == {"broker": "ok", "redis": "no answer within 3 seconds"}
    finally:
        redis_server.resume()
    while server.http.get("/readyz").status_code != 200:
        assert server.http.get("/healthz").status_code == 200


def test_requests_are_counted_by_the_template_of_their_route(redis_url: str, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WIREWATCH_METRICS_PORT", str(port))
        server = Served(redis_url, tmp_path, "--only", "api")
    server.http.get("/v1/alerts?limit=2")
    server.http.get("/made/up/path")
    server.http.get("/v1/alerts?limit=0")
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert 'wirewatch_http_requests_total{route="/v1/alerts",status="200"} 1.0' in text
    assert 'wirewatch_http_requests_total{route="/v1/alerts",status="422"} 1.0' in text
    assert 'wirewatch_http_requests_total{route="none",status="404"} 1.0' in text
    assert "POST /v1/articles" not in server.http.get("/").json()["endpoints"]
    assert server.stop() == 0
