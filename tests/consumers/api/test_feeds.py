"""Alerts for feed readers: valid, stable, harmless, and with a token in the address where there must be one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import feedparser
import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from consumers.api.syndication import Feed, atom, json_feed, web_link
from consumers.api.tokens import entry
from tests.consumers.api.conftest import Served
from tests.consumers.api.test_api import publish
from tests.consumers.making import NOON, mentions
from tests.redis_server import RedisServer
from wirewatch.harmless import clean
from wirewatch.records import Alert, AlertActor, AlertSentence, Highlight
from wirewatch.redis_client import Client
from wirewatch.token_entries import new_token

FEED = Feed(address="http://127.0.0.1:8080/v1/alerts.atom", home="http://127.0.0.1:8080/")
ATOM = {"a": "http://www.w3.org/2005/Atom"}
TEXTS = st.text(max_size=30)


def alert(**changed: Any) -> Alert:
    values: dict[str, Any] = {
        "id": "f00d",
        "rule": "watched-actor",
        "rule_version": "1",
        "severity": "critical",
        "reason": "named in the headline",
        "actors": (AlertActor(id="nato", name="NATO", score=0.9, mentions=1, why="name"),),
        "article_id": "a1",
        "title": "NATO meets",
        "source": "Wire",
        "url": "https://wire.example/1",
        "language": "en",
        "published": None,
        "first_seen": NOON,
        "raised": NOON,
        "received_ms": 0,
        "sentences": (
            AlertSentence(field="title", text="NATO meets", highlights=(Highlight(start=0, end=4, actor="nato"),)),
        ),
    }
    return Alert(**values | changed)


def read_as_readers_do(document: bytes) -> Any:
    return feedparser.parse(document)  # type: ignore[attr-defined,no-untyped-call]


def entries(document: bytes) -> list[Any]:
    found: list[Any] = etree.fromstring(document).xpath("a:entry", namespaces=ATOM)
    return found


def has_what_rfc_4287_asks_for(document: bytes) -> None:
    root = etree.fromstring(document)
    assert root.tag == f"{{{ATOM['a']}}}feed"
    for element in (root, *entries(document)):
        for name in ("id", "title", "updated"):
            (found,) = element.xpath(f"a:{name}", namespaces=ATOM)
            assert found.text
            if name == "updated":
                assert datetime.fromisoformat(found.text).tzinfo
        assert element.xpath("a:author/a:name/text()", namespaces=ATOM)
        alternates = [link.get("type", "") for link in element.xpath("a:link[@rel='alternate']", namespaces=ATOM)]
        assert len(alternates) == len(set(alternates))
    assert len(root.xpath("a:link[@rel='self']", namespaces=ATOM)) == 1
    ids = [element.findtext("a:id", namespaces=ATOM) for element in entries(document)]
    assert len(set(ids)) == len(ids)
    assert not read_as_readers_do(document).bozo


def test_a_new_revision_moves_only_the_time_of_an_entry() -> None:
    later = alert(revision=2, updated=NOON + timedelta(minutes=5))
    before, after = (read_as_readers_do(atom(FEED, [each])).entries[0] for each in (alert(), later))
    assert before.id == after.id == "urn:wirewatch:alert:f00d"
    assert before.published == after.published == "2096-03-02T12:30:00Z"
    assert (before.updated, after.updated) == ("2096-03-02T12:30:00Z", "2096-03-02T12:35:00Z")


def test_what_names_an_actor_is_marked() -> None:
    (item,) = json_feed(FEED, [alert()]).items
    assert item.content_html.startswith("<p><mark>NATO</mark> meets</p>")
    assert item.content_text == "NATO meets\ncritical: watched-actor. named in the headline"
    assert item.tags == ("critical", "watched-actor", "NATO")


def test_markup_from_outside_is_text() -> None:
    evil = "<script>alert(1)</script>"
    one = alert(title=evil, source=evil, reason=evil, sentences=(AlertSentence(field="title", text=evil),))
    (entry_,) = entries(atom(FEED, [one]))
    content = entry_.findtext("a:content", namespaces=ATOM)
    assert "<script" not in content
    assert "&lt;script&gt;" in content
    assert entry_.findtext("a:title", namespaces=ATOM) == evil
    assert entry_.find("a:title", namespaces=ATOM).get("type") is None, "plain text by default"


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "/relative",
        "https://",
        "http://[",
        "https://a b/",
        "ftp://a/",
    ],
)
def test_a_link_that_does_not_lead_to_the_web_is_left_out(url: str | None) -> None:
    assert web_link(url) is None
    (entry_,) = entries(atom(FEED, [alert(url=url)]))
    assert entry_.find("a:link", namespaces=ATOM) is None


@given(
    title=TEXTS,
    source=TEXTS,
    url=st.none() | TEXTS,
    rule=TEXTS,
    text=TEXTS,
    start=st.integers(0, 30),
    long=st.integers(0, 9),
)
def test_nothing_from_outside_breaks_a_feed(
    title: str, source: str, url: str | None, rule: str, text: str, start: int, long: int
) -> None:
    highlights = (Highlight(start=start, end=start + long, actor="nato"), Highlight(start=0, end=2, actor="nato"))
    one = alert(
        title=title,
        source=source,
        url=url,
        rule=rule or "r",
        sentences=(AlertSentence(field="text", text=text, highlights=highlights),),
    )
    document = atom(Feed(address="http://h/", home="http://h/", rule=rule), [one, alert(id="other")])
    has_what_rfc_4287_asks_for(document)
    (item, _) = json_feed(FEED, [one, alert(id="other")]).items
    assert item.content_html
    assert clean(text) in item.content_text
    msgspec.json.encode(item)


def test_a_feed_without_alerts_is_valid_too() -> None:
    has_what_rfc_4287_asks_for(atom(FEED, []))


def test_all_alerts_and_those_of_a_rule_are_served_to_readers(server: Served, client: Client) -> None:
    publish(client, mentions("a1", "nato", title="Ἀθῆναι 🗞"), mentions("a2", "islamic-state"))
    found = server.http.get("/v1/alerts.atom")
    assert found.headers["content-type"].startswith("application/atom+xml")
    has_what_rfc_4287_asks_for(found.content)
    parsed = read_as_readers_do(found.content)
    assert [each.title for each in parsed.entries] == ["Headline", "Ἀθῆναι 🗞"]
    again = server.http.get("/v1/alerts.atom", headers={"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    rules = {alert["article_id"]: alert["rule"] for alert in server.http.get("/v1/alerts").json()["alerts"]}
    of_rule = server.http.get(f"/v1/rules/{rules['a2']}/alerts.json").json()
    assert of_rule["version"] == "https://jsonfeed.org/version/1.1"
    assert of_rule["feed_url"] == f"{server.url}/v1/rules/{rules['a2']}/alerts.json"
    assert len(of_rule["items"]) == len([rule for rule in rules.values() if rule == rules["a2"]])
    assert server.http.get("/v1/rules/none/alerts.json").json()["items"] == []
    severe = read_as_readers_do(server.http.get("/v1/alerts.atom?severity=critical").content)
    assert len(severe.entries) == 1


def test_a_reader_that_sends_no_headers_has_its_token_in_the_address_and_it_comes_back_nowhere(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    token, admin = new_token(), new_token()
    tokens = f"{entry('screen', 'read', token)},{entry('anna', 'admin', admin)}"
    server = Served(redis_server.url, tmp_path_factory.mktemp("feeds"), "--only", "api", api_tokens=tokens)
    try:
        for path in ("/v1/alerts.atom", "/v1/alerts.json", "/v1/rules/any/alerts.atom", "/v1/rules/any/alerts.json"):
            assert server.http.get(path).status_code == 401
            assert server.http.get(path, params={"token": "wrong"}).status_code == 401
            found = server.http.get(path, params={"token": token})
            assert found.status_code == 200
            assert token not in found.text + str(found.headers)
            refused = server.http.get(path, params={"token": admin})
            assert (refused.status_code, refused.json()["reason"]) == (403, "role")
            assert httpx.get(server.url + path, headers={"Authorization": f"Bearer {admin}"}).status_code == 200
    finally:
        server.stop()
