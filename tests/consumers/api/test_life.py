"""What people say about alerts, over HTTP: acknowledgements, verdicts, silences and their preview."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.life.store import LifeStore
from tests.consumers.api.conftest import Served
from tests.consumers.api.test_api import publish
from tests.consumers.making import mentions
from wirewatch.redis_client import Client

NOTHING: dict[str, object] = {"acknowledged": None, "verdict": None, "silences": []}


def listed(server: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.http.get("/v1/alerts").json()["alerts"]
    return found


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def matcher(name: str, value: str, op: str = "=") -> dict[str, object]:
    return {"name": name, "op": op, "values": [value]}


def test_an_alert_of_which_nothing_was_said_says_so_and_is_found_by_its_id(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"))
    (alert,) = listed(server)
    assert alert["life"] == NOTHING
    assert server.http.get(f"/v1/alerts/{alert['id']}").json() == alert


def test_an_acknowledgement_carries_who_and_when_and_can_be_taken_back(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"), mentions("a2", "nato"))
    path = f"/v1/alerts/{listed(server)[1]['id']}/acknowledgement"
    answer = server.http.put(path, json={"comment": "on it"})
    assert answer.status_code == 200
    said = answer.json()["life"]["acknowledged"]
    assert (said["by"], said["comment"]) == ("local", "on it")
    assert datetime.fromisoformat(said["at"]) <= datetime.now(UTC)
    assert [each["life"]["acknowledged"] for each in listed(server)] == [None, said]
    for _ in range(2):
        assert server.http.delete(path).json()["life"] == NOTHING


def test_an_acknowledgement_needs_no_body(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"))
    answer = server.http.put(f"/v1/alerts/{listed(server)[0]['id']}/acknowledgement")
    assert answer.json()["life"]["acknowledged"]["comment"] == ""


def test_a_verdict_takes_the_place_of_the_one_before(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"))
    path = f"/v1/alerts/{listed(server)[0]['id']}/verdict"
    server.http.put(path, json={"value": "true"})
    server.http.put(path, json={"value": "false", "comment": "football"})
    (alert,) = listed(server)
    verdict = alert["life"]["verdict"]
    assert (verdict["value"], verdict["comment"], verdict["by"]) == ("false", "football", "local")
    assert verdict["rule"] == alert["rule"]


def test_a_verdict_that_is_taken_back_counts_no_more(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"))
    path = f"/v1/alerts/{listed(server)[0]['id']}/verdict"
    server.http.put(path, json={"value": "true"})
    for _ in range(2):
        answer = server.http.delete(path)
        assert (answer.status_code, answer.json()["life"]) == (200, NOTHING)
    assert LifeStore(client, "ww").precisions() == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/alerts/none"),
        ("PUT", "/v1/alerts/none/acknowledgement"),
        ("DELETE", "/v1/alerts/none/acknowledgement"),
        ("PUT", "/v1/alerts/none/verdict"),
        ("DELETE", "/v1/alerts/none/verdict"),
        ("GET", "/v1/silences/none"),
        ("DELETE", "/v1/silences/none"),
    ],
)
def test_what_does_not_exist_is_said_not_to(server: Served, method: str, path: str) -> None:
    answer = server.http.request(method, path, json={"value": "true"} if "verdict" in path else None)
    assert (answer.status_code, answer.json()["reason"]) == (404, "not-found")
    assert answer.json()["detail"].startswith("there is no such ")


def test_a_silence_mutes_what_it_fits_until_it_is_ended(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"), mentions("a2", "iran"))
    asked = {"matchers": [matcher("actor", "iran")], "ends": in_an_hour(), "comment": "summit"}
    answer = server.http.post("/v1/silences", json=asked)
    assert answer.status_code == 201
    silence = answer.json()
    assert (silence["author"], silence["state"]) == ("local", "active")
    assert server.http.get(answer.headers["location"]).json() == silence
    assert server.http.get("/v1/silences").json() == {"silences": [silence]}
    assert [each["life"]["silences"] for each in listed(server)] == [[silence["id"]], []]
    ended = server.http.delete(answer.headers["location"]).json()
    assert ended["state"] == "expired"
    assert server.http.delete(answer.headers["location"]).json() == ended
    assert server.http.get("/v1/silences").json() == {"silences": []}
    assert server.http.get("/v1/silences?expired=true").json() == {"silences": [ended]}
    assert [each["life"] for each in listed(server)] == [NOTHING, NOTHING]


def test_a_preview_counts_what_a_silence_would_have_muted_and_makes_none(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"), mentions("a2", "iran"), mentions("a3", "iran"))
    found = server.http.post("/v1/silences/preview", json={"matchers": [matcher("actor", "nato", "!=")]}).json()
    assert (found["looked_at"], found["muted"]) == (3, 2)
    assert sum(found["rules"].values()) == 2
    assert [sample["article_id"] for sample in found["samples"]] == ["a3", "a2"]
    assert server.http.get("/v1/silences").json() == {"silences": []}


def silence(**changed: object) -> dict[str, object]:
    return {"matchers": [matcher("actor", "iran")], "ends": in_an_hour()} | changed


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        (silence(matchers=[]), "body.matchers", "length >= 1"),
        (silence(matchers=[matcher("actors", "iran")]), "body.matchers[0].name", "Invalid enum value 'actors'"),
        (silence(matchers=[matcher("actor", "")]), "body.matchers[0].values[0]", "length >= 1"),
        (silence(ends="tomorrow"), "body.ends", "Invalid RFC3339"),
        (silence(ends="2020-01-01T00:00:00"), "body.ends", "timezone"),
        (silence(ends="2020-01-01T00:00:00Z"), "body.ends", "must be in the future"),
        (silence(starts="2096-01-01T00:00:00Z"), "body.ends", "after the start"),
        (silence(author="someone else"), "body", "unknown field `author`"),
        ({"ends": "2096-01-01T00:00:00Z"}, "body", "missing required field `matchers`"),
        ([], "body", "Expected `object`"),
    ],
)
def test_what_is_wrong_in_a_body_is_named_by_its_place(server: Served, body: object, where: str, what: str) -> None:
    answer = server.http.post("/v1/silences", json=body)
    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert problem["where"] == where
    assert what in problem["what"]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 422),
        (b"\xff", "application/json", 422),
        (b'"\xff"', "application/json", 422),
        (b"", "application/json", 422),
        (b"[" * 60_000, "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_a_body_that_is_none_is_refused(server: Served, content: bytes, content_type: str, status: int) -> None:
    answer = server.http.post("/v1/silences", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_list_that_did_not_change_is_not_sent_again(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"))
    tag = server.http.get("/v1/alerts").headers["etag"]
    again = server.http.get("/v1/alerts", headers={"If-None-Match": f'W/"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    server.http.put(f"/v1/alerts/{listed(server)[0]['id']}/acknowledgement")
    assert server.http.get("/v1/alerts", headers={"If-None-Match": tag}).status_code == 200


def test_head_is_get_without_the_body_and_options_names_the_methods(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato"))
    got, head = server.http.get("/v1/alerts"), server.http.head("/v1/alerts")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert server.http.head("/v1/alerts?limit=0").status_code == 422
    assert server.http.head("/v1/alerts/stream").status_code == 405
    options = server.http.options("/v1/silences")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    wrong = server.http.patch(f"/v1/alerts/{listed(server)[0]['id']}/acknowledgement")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "DELETE, OPTIONS, PUT")


def test_the_watched_actors_are_named(server: Served) -> None:
    actors = server.http.get("/v1/actors").json()["actors"]
    assert {"nato", "iran", "islamic-state"} <= {actor["id"] for actor in actors}
    assert all(actor["name"] for actor in actors)
