"""What to do about subscriptions, decided on tables; signatures; and what a feed offers."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers import documents
from producers.documents import Document
from producers.feeds.fetch import Conditional, Fetched
from producers.feeds.intake import Took
from producers.feeds.rhythm import Next
from producers.feeds.websub import Plan, lease_seconds, new_subscription, offered, plan, request, signed, stretched
from wirewatch.feed_state import FeedState
from wirewatch.push_state import LEASE_SECONDS, Subscription, from_hash, to_hash
from wirewatch.settings import Settings

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)
MOMENT = NOW.timestamp()
DAY = 86_400.0
FEED = FeedState(url="https://e.example/feed", hub="https://hub.example/", topic="https://e.example/feed", push="id")
BASE = {"id": "id", "feed": FEED.url, "hub": "https://hub.example/", "topic": FEED.url, "secret": "s"}


def subscription(**changed: Any) -> Subscription:
    return msgspec.convert(BASE | changed, Subscription)


def live(**changed: Any) -> Subscription:
    return subscription(verified=MOMENT, lease=10 * DAY, **changed)


@pytest.mark.parametrize(
    ("changed", "known", "expected"),
    [
        ({}, None, Plan.SUBSCRIBE),
        ({"hub": None}, None, Plan.NOTHING),
        ({"hub": None}, live(), Plan.LEAVE),
        ({"ended": "gone"}, live(), Plan.LEAVE),
        ({"ended": "gone"}, None, Plan.NOTHING),
        ({}, live(), Plan.NOTHING),
        ({"hub": "https://other.example/"}, live(), Plan.MOVE),
        ({"topic": "https://e.example/new"}, live(), Plan.MOVE),
        # The lease ends within a day.
        ({}, subscription(verified=MOMENT - 9.5 * DAY, lease=10 * DAY, tried=MOMENT - 9.5 * DAY), Plan.AGAIN),
        ({}, subscription(verified=MOMENT - 8.5 * DAY, lease=10 * DAY), Plan.NOTHING),
        # Asked and not agreed yet: an hour, then two, at last a day.
        ({}, subscription(tried=MOMENT - 3_599, tries=1), Plan.NOTHING),
        ({}, subscription(tried=MOMENT - 3_600, tries=1), Plan.AGAIN),
        ({}, subscription(tried=MOMENT - 3_600, tries=2), Plan.NOTHING),
        ({}, subscription(tried=MOMENT - DAY, tries=5_000), Plan.AGAIN),
        ({}, subscription(tried=MOMENT - 7_200, tries=1, denied="no"), Plan.NOTHING),
        ({}, subscription(tried=MOMENT - DAY, tries=1, denied="no"), Plan.AGAIN),
    ],
)
def test_what_to_do_about_a_subscription(changed: dict[str, Any], known: Subscription | None, expected: Plan) -> None:
    assert plan(msgspec.structs.replace(FEED, **changed), known, NOW) is expected


@pytest.mark.parametrize(
    ("wait", "agreed", "known", "expected"),
    [
        (600, 5, None, 600),
        (600, 5, subscription(), 600),  # never verified
        (600, 5, subscription(verified=MOMENT - 11 * DAY, lease=10 * DAY), 600),  # over
        (600, 0, live(), 600),
        (600, 1, live(), 1_200),
        (600, 2, live(), 2_400),
        (600, 99, live(), 7_200),
        (20_000, 99, live(), 20_000),  # its own rhythm is slower
        (80_000, 0, subscription(verified=MOMENT, lease=10_000), 8_000),  # in time to renew
        (600, 9, subscription(verified=MOMENT, lease=100), 300),  # never below the shortest
    ],
)
def test_a_feed_that_is_pushed_is_polled_less(
    wait: float, agreed: int, known: Subscription | None, expected: float
) -> None:
    following = stretched(Next(NOW + timedelta(seconds=wait), "rhythm"), known, agreed, NOW, Settings())
    assert following.when == NOW + timedelta(seconds=expected)
    assert stretched(Next(None, "gone"), live(), agreed, NOW, Settings()).when is None


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_a_signature_of_any_kind_that_the_standard_names_is_verified(method: str) -> None:
    digest = hmac.new(b"secret", b"body", getattr(hashlib, method)).hexdigest()
    assert signed(b"body", "secret", f"{method}={digest}")
    assert signed(b"body", "secret", f"{method.upper()}={digest.upper()}")
    assert not signed(b"body ", "secret", f"{method}={digest}")
    assert not signed(b"body", "other", f"{method}={digest}")
    assert not signed(b"body", "secret", f"{method}={digest[:-1]}")


@given(st.one_of(st.none(), st.text(max_size=100), st.sampled_from(["sha256=", "md5=00", "sha256=é", "=", "sha512"])))
def test_anything_else_is_no_signature(header: str | None) -> None:
    assert not signed(b"body", "secret", header)


def _document(body: bytes, links: str = "") -> Fetched:
    return Fetched("https://e.example/feed", body, None, Conditional(), links=links)


def _took(body: bytes) -> Took:
    feed = documents.parse(Document(kind="feed", data=body, bytes_max=10_000, url="https://e.example/feed"))
    return Took(hubs=feed.hubs, topic=feed.topic)


RSS = b"""<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>K</title>
<atom:link rel="hub" href="https://hub.example/"/><atom:link rel="self" href="https://e.example/rss"/>
<item><title>A</title></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>K</title><link rel="hub" href="https://hub.example/"/>
<link rel="hub" href="javascript:1"/><link rel="self" href="/atom"/></feed>"""
JSON = b"""{"version": "https://jsonfeed.org/version/1.1", "title": "K", "feed_url": "https://e.example/json",
"hubs": [{"type": "rssCloud", "url": "https://c.example/"}, {"type": "WebSub", "url": "https://hub.example/"}]}"""
PLAIN = b"<rss version='2.0'><channel><title>K</title></channel></rss>"
HEADER = '<https://h.example/?a,b>; rel="hub", </t>; title="x, <y>"; rel=self'


@pytest.mark.parametrize(
    ("body", "links", "expected"),
    [
        (RSS, "", ("https://hub.example/", "https://e.example/rss")),
        (ATOM, "", ("https://hub.example/", "https://e.example/atom")),
        (JSON, "", ("https://hub.example/", "https://e.example/json")),
        (PLAIN, "", None),
        (PLAIN, HEADER, ("https://h.example/?a,b", "https://e.example/t")),
        (RSS, HEADER, ("https://h.example/?a,b", "https://e.example/t")),
        (PLAIN, '<https://h.example/>; rel="hub self"', ("https://h.example/", "https://h.example/")),
        (PLAIN, "<ftp://h.example/>; rel=hub", None),
        (PLAIN, "<https://h.example/>; rel=hub", ("https://h.example/", "https://e.example/feed")),
    ],
)
def test_what_a_feed_offers(body: bytes, links: str, expected: tuple[str, str] | None) -> None:
    assert offered(_document(body, links), _took(body)) == expected


@given(st.text(alphabet='<>;,"= relhubsfx:/', max_size=200))
def test_any_link_header_offers_something_or_nothing(links: str) -> None:
    found = offered(_document(b"", links), Took())
    assert found is None or found[0].startswith("http")


def test_every_subscription_has_an_address_and_a_secret_of_its_own() -> None:
    one, other = new_subscription(FEED), new_subscription(FEED)
    assert len({one.id, one.secret, other.id, other.secret}) == 4
    assert min(map(len, (one.id, one.secret))) >= 43
    form = request(one, "https://news.example/")
    assert form["hub.callback"] == f"https://news.example/websub/{one.id}"
    assert form["hub.secret"] == one.secret
    assert "hub.secret" not in request(msgspec.structs.replace(one, mode="unsubscribe"), "https://news.example")


@pytest.mark.parametrize(
    ("stated", "expected"), [("60", 60.0), (None, LEASE_SECONDS), ("-1", LEASE_SECONDS), ("9" * 11, 90 * DAY)]
)
def test_the_lease_is_what_the_hub_says_within_reason(stated: str | None, expected: float) -> None:
    assert lease_seconds(stated) == expected


def test_a_subscription_is_read_back_as_it_was_kept_and_a_broken_one_is_none() -> None:
    kept = live(tries=2, articles=7, pushed=MOMENT + 0.5)
    assert from_hash("id", {name: str(value) for name, value in to_hash(kept).items()}) == kept
    assert from_hash("id", {}) is None
    assert from_hash("id", {"feed": "x", "tries": "many"}) is None
