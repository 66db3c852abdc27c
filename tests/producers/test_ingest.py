"""HTTP ingest on a real server (uvicorn, a real port) and a real embedded log."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from producers.ingest import router
from producers.ingest_access import entry
from tests.producers.log import Log, unwritable
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings

ARTICLE = {"url": "https://nieuws.example/1", "title": "NAVO schort op", "text": "Tekst."}
ANP = {"Authorization": "Bearer geheim-anp"}
BARE = {"Authorization": "Bearer geheim-kaal"}
NDJSON = {"Content-Type": "application/x-ndjson"}


@contextmanager
def serving(log: Log, settings: Settings, **changed: Any) -> Iterator[httpx.Client]:
    """A client of a server that serves the router alone."""
    tokens = {"ingest_tokens": SecretStr(f"{entry('anp', 'geheim-anp')}, {entry('*', 'geheim-kaal')}")}
    app = FastAPI()
    app.include_router(router(log.producer, settings.model_copy(update=tokens | changed), Metrics(CollectorRegistry())))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        # The socket listens already: the first request waits in its queue until the server is up.
        with httpx.Client(base_url=base_url, trust_env=False, timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(log: Log, settings: Settings) -> Iterator[httpx.Client]:
    with serving(log, settings, ingest_bytes_max=10_000) as opened:
        yield opened


def _reason(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]


def test_an_article_is_on_the_log_when_202_is_answered(client: httpx.Client, log: Log) -> None:
    response = client.post("/v1/articles", json=ARTICLE, headers=BARE)
    [article] = log.articles()
    assert response.status_code == 202
    assert response.json() == {"accepted": 1, "items": [{"index": 0, "status": "accepted", "id": article.id}]}
    assert (article.title, article.source, article.fetched_from) == ("NAVO schort op", "nieuws.example", "ingest")


def test_a_list_and_json_lines_tell_of_each_item_and_the_bad_ones_are_dead_letters(
    client: httpx.Client, log: Log
) -> None:
    bodies = [json.dumps(ARTICLE), "{}", '{"title": 1}']
    as_list = client.post(
        "/v1/articles", content=f"[{','.join(bodies)}]", headers=ANP | {"Content-Type": "application/json"}
    )
    as_lines = client.post("/v1/articles", content="\n".join(bodies), headers=ANP | NDJSON)
    for response in (as_list, as_lines):
        assert response.status_code == 202
        assert response.json()["accepted"] == 1
        items = response.json()["items"]
        assert [(item["index"], item["status"], item.get("reason")) for item in items] == [
            (0, "accepted", None),
            (1, "rejected", "empty"),
            (2, "rejected", "invalid"),
        ]
        assert "title" in items[2]["detail"]
    letters = log.dead_letters()
    assert sorted(original for _, original in letters) == [b'{"title": 1}', b'{"title": 1}', b"{}", b"{}"]
    assert {(letter.stage, letter.origin) for letter, _ in letters} == {
        ("ingest", "anp@127.0.0.1#1"),
        ("ingest", "anp@127.0.0.1#2"),
    }


def test_the_source_comes_from_the_token_never_from_the_body(client: httpx.Client, log: Log) -> None:
    client.post("/v1/articles", json=ARTICLE | {"source": "Somebody else"}, headers=ANP)
    assert [article.source for article in log.articles()] == ["anp"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic geheim-anp"},
        {"Authorization": "Bearer anp:geheim-anp"},
    ],
)
def test_without_a_right_token_nothing_is_taken(client: httpx.Client, log: Log, headers: dict[str, str]) -> None:
    response = client.post("/v1/articles", json=ARTICLE, headers=headers)
    assert _reason(response) == (401, "unauthorised")
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert log.articles() == []


def test_without_tokens_ingest_is_closed_and_says_how_to_open_it(log: Log, settings: Settings) -> None:
    with serving(log, settings, ingest_tokens=SecretStr("")) as client:
        response = client.post("/v1/articles", json=ARTICLE, headers=ANP)
    assert _reason(response) == (403, "closed")
    assert "wirewatch tokens new" in response.json()["detail"]


@pytest.mark.parametrize(
    ("content", "media_type", "status", "reason"),
    [
        (b"x", "text/plain", 415, "media-type"),
        (b"", "application/json", 422, "undecodable"),
        (b"{", "application/json", 422, "undecodable"),
        (b"[1, 2]", "application/json", 422, "invalid"),
        (b"{}\n{}", "application/jsonl", 422, "empty"),
        (b"[" * 9_000, "application/json", 422, "undecodable"),
        # Other forms, which hold markup, are for files and feeds: markup is slow to read.
        (b'{"uri": "urn:x", "headline": "<b>x"}', "application/json", 422, "empty"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": 1}]}', "application/json", 422, "empty"),
    ],
)
def test_a_request_without_a_valid_article_has_a_reason(
    client: httpx.Client, content: bytes, media_type: str, status: int, reason: str
) -> None:
    response = client.post("/v1/articles", content=content, headers=ANP | {"Content-Type": media_type})
    body = response.json()
    assert response.status_code == status
    assert body.get("reason") == reason or {item["reason"] for item in body["items"]} == {reason}


def test_a_request_without_any_article_is_refused(client: httpx.Client) -> None:
    assert _reason(client.post("/v1/articles", content=b"[]", headers=ANP | {"Content-Type": "application/json"})) == (
        422,
        "empty",
    )
    assert _reason(client.post("/v1/articles", content=b" \n \n", headers=ANP | NDJSON)) == (422, "empty")


def test_a_body_over_the_limit_is_refused_while_it_streams_in(client: httpx.Client, log: Log) -> None:
    declared = client.post("/v1/articles", content=b"x" * 10_001, headers=ANP | NDJSON)
    assert _reason(declared) == (413, "too-large")
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 8_192
            yield b"x" * 8_192

    streamed = client.post("/v1/articles", content=endless(), headers=ANP | NDJSON)
    assert _reason(streamed) == (413, "too-large")
    assert sent < 100_000_000
    assert log.dead_letters() == []


def test_more_articles_than_a_request_may_hold_are_refused(log: Log, settings: Settings) -> None:
    with serving(log, settings) as client:
        response = client.post("/v1/articles", content=b"{}\n" * 1_001, headers=ANP | NDJSON)
    assert _reason(response) == (413, "too-many-articles")
    assert log.dead_letters() == []


def test_each_token_has_its_own_rate_and_is_told_when_to_come_back(log: Log, settings: Settings) -> None:
    with serving(log, settings, ingest_articles_per_minute=3) as client:
        answers = [client.post("/v1/articles", json=[ARTICLE] * 2, headers=ANP) for _ in range(2)]
        other = client.post("/v1/articles", json=ARTICLE, headers=BARE)
    assert answers[0].status_code == other.status_code == 202
    assert _reason(answers[1]) == (429, "too-many-requests")
    assert 1 <= int(answers[1].headers["retry-after"]) <= 60


def test_without_the_broker_the_answer_is_503_and_afterwards_202(
    client: httpx.Client, log: Log, settings: Settings
) -> None:
    with unwritable(settings):
        response = client.post("/v1/articles", json=ARTICLE, headers=ANP)
        assert _reason(response) == (503, "broker-unavailable")
        assert int(response.headers["retry-after"]) > 0
    assert client.post("/v1/articles", json=ARTICLE, headers=ANP).status_code == 202
    assert len({article.id for article in log.articles()}) == 1


def test_many_requests_at_once_are_each_acknowledged(client: httpx.Client, log: Log) -> None:
    async def post_all() -> list[int]:
        async with httpx.AsyncClient(base_url=client.base_url, trust_env=False, timeout=30) as many:
            posts = [many.post("/v1/articles", json={"title": f"title {n}"}, headers=ANP) for n in range(50)]
            return [response.status_code for response in await asyncio.gather(*posts)]

    assert asyncio.run(post_all()) == [202] * 50
    assert {article.title for article in log.articles()} == {f"title {n}" for n in range(50)}


def test_the_openapi_document_describes_body_and_answers(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/articles"]["post"]
    lines = operation["requestBody"]["content"]["application/x-ndjson"]["schema"]
    assert {"url", "title", "text", "published"} <= set(lines["properties"])
    assert {"202", "401", "403", "413", "415", "422", "429", "503"} <= set(operation["responses"])
    assert "$ref" not in json.dumps(operation)
    assert operation["security"] == [{"HTTPBearer": []}]
