"""The alert stream over a real server: nothing missed, nothing twice, and told when something is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.consumers.api.conftest import Served
from tests.consumers.api.test_api import publish
from tests.consumers.making import mentions
from tests.redis_server import RedisServer
from wirewatch.redis_client import Client


class Events:
    """Reads events off one connection."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def next(self) -> dict[str, str]:
        """The next event; comments are skipped."""
        event: dict[str, str] = {}
        for line in self._lines:
            if line == "":
                if "event" in event:
                    return event
                event = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value
        return {"event": "end"}

    def article(self) -> Any:
        event = self.next()
        assert event["event"] == "alert", event
        return json.loads(event["data"])["article_id"]


@contextmanager
def listening(server: Served, path: str = "/v1/alerts/stream", last: str | None = None) -> Iterator[Events]:
    headers = {"Last-Event-ID": last} if last else {}
    with server.http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith(": ")
        yield Events(lines)


def test_a_client_gets_what_comes_after_it_connected(server: Served, client: Client) -> None:
    publish(client, mentions("old", "nato"))
    with listening(server) as events:
        publish(client, mentions("a1", "nato"))
        assert events.article() == "a1"
        publish(client, mentions("a2", "iran"), mentions("a3", "iran"))
        assert [events.article(), events.article()] == ["a2", "a3"]


def test_a_client_that_comes_back_misses_nothing(server: Served, client: Client) -> None:
    with listening(server) as events:
        publish(client, mentions("a1", "nato"))
        last = events.next()["id"]
    publish(client, mentions("a2", "nato"), mentions("a3", "nato"))
    with listening(server, last=last) as events:
        assert [events.article(), events.article()] == ["a2", "a3"]
    with listening(server, f"/v1/alerts/stream?last_event_id={last}") as events:
        assert events.article() == "a2"


def test_from_zero_a_client_gets_everything_that_is_kept(server: Served, client: Client) -> None:
    publish(client, *(mentions(f"a{n}", "nato") for n in range(150)))
    with listening(server, last="0") as events:
        assert [events.article() for _ in range(150)] == [f"a{n}" for n in range(150)]


def test_a_filter_lets_through_only_what_fits(server: Served, client: Client) -> None:
    with listening(server, "/v1/alerts/stream?actor=iran&severity=warning") as events:
        publish(client, mentions("a1", "nato"), mentions("a2", "iran"))
        assert events.article() == "a2"


def test_a_client_that_was_away_too_long_is_told_so(server: Served, client: Client) -> None:
    publish(client, mentions("a0", "nato"))
    with listening(server, last="0") as events:
        last = events.next()["id"]
    publish(client, *(mentions(f"b{n}", "nato") for n in range(3)), kept=2)
    with listening(server, last=last) as events:
        assert events.next() == {"event": "reset", "data": '{"reason":"older alerts are not kept any more"}'}
        assert [events.article(), events.article()] == ["b1", "b2"]


def test_a_client_from_before_a_feed_that_was_lost_is_told_so(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"))
    with listening(server, last="99999999999999-0") as events:
        assert events.next()["event"] == "reset"
        assert events.article() == "a1"


def test_an_id_that_is_none_is_refused(server: Served) -> None:
    answer = server.http.get("/v1/alerts/stream", headers={"Last-Event-ID": "abc"})
    assert answer.status_code == 422
    assert answer.json()["problems"] == [{"where": "header.Last-Event-ID", "what": "this is no id of an event"}]


def test_when_redis_goes_away_the_stream_ends_and_the_client_goes_on_where_it_was(
    redis_server: RedisServer, server: Served, client: Client
) -> None:
    with listening(server) as events:
        publish(client, mentions("a1", "nato"))
        last = events.next()["id"]
        redis_server.stop()
        try:
            assert events.next() == {"event": "end"}
        finally:
            redis_server.start()
    publish(client, mentions("a2", "nato"))
    with listening(server, last=last) as events:
        assert events.article() == "a2"


def test_a_server_that_is_stopped_ends_its_streams_in_order(redis_url: str, tmp_path: Path) -> None:
    server = Served(redis_url, tmp_path, "--only", "api")
    with listening(server) as events:
        server._process.terminate()
        try:
            assert events.next() == {"event": "end"}
        except httpx.RemoteProtocolError as error:
            pytest.fail(f"the connection broke off: {error}")
    assert server.stop() == 0


def test_what_people_say_comes_to_everyone_who_listens(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"))
    (alert,) = server.http.get("/v1/alerts").json()["alerts"]
    with listening(server, "/v1/alerts/stream?actor=iran") as events:
        server.http.put(f"/v1/alerts/{alert['id']}/verdict", json={"value": "true"})
        said = events.next()
        assert (said["event"], "id" in said) == ("life", False)
        data = json.loads(said["data"])
        assert (data["id"], data["life"]["verdict"]["value"]) == (alert["id"], "true")
        ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        matcher = {"name": "actor", "op": "=", "values": ["nato"]}
        made = server.http.post("/v1/silences", json={"matchers": [matcher], "ends": ends}).json()
        assert events.next() == {"event": "silence", "data": json.dumps({"id": made["id"]}, separators=(",", ":"))}
        publish(client, mentions("a2", "iran", title="Another story altogether"))
        assert events.article() == "a2"
