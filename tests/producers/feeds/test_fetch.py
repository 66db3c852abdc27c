"""Fetching from a real server with all its moods."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from producers.feeds.fetch import Conditional, Failed, Fetched, NotModified, Outcome, fetch
from tests.producers.feeds.server import Server, conditional, drip, gzipped, reply, serving, silence
from wirewatch.settings import Settings

SETTINGS = Settings(fetch_seconds_max=2.0, fetch_bytes_max=100_000, user_agent="wirewatch-test")
NOTHING_KNOWN = Conditional()
ETAG, MODIFIED = 'W/"a, b"', "Mon, 6 Jan 2020 10:00:00 +0000"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as opened:
        yield opened


def _fetch(server: Server, path: str, state: Conditional = NOTHING_KNOWN, settings: Settings = SETTINGS) -> Outcome:
    return fetch(server.url + path, state, settings, allow_private=True)


def _failure(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed)
    return outcome.reason


def test_what_the_server_said_is_sent_back_to_the_letter_and_gives_not_modified(server: Server) -> None:
    server.answers["/feed"] = conditional(b"<rss/>", ETAG, MODIFIED)
    first = _fetch(server, "/feed")
    assert isinstance(first, Fetched)
    assert (first.body, first.content_type, first.state) == (
        b"<rss/>",
        "application/rss+xml",
        Conditional(ETAG, MODIFIED),
    )
    assert _fetch(server, "/feed", first.state) == NotModified(first.state)


def test_a_request_names_us_the_host_and_gzip_alone(server: Server) -> None:
    server.answers["/feed"] = reply(200)
    fetch(server.url.replace("127.0.0.1", "localhost") + "/feed", Conditional(), SETTINGS, allow_private=True)
    [(_, headers)] = server.requests
    assert headers["User-Agent"] == "wirewatch-test"
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["Host"] == server.url.replace("http://127.0.0.1", "localhost")


def test_redirects_are_followed_and_a_permanent_move_is_told(server: Server) -> None:
    server.answers |= {
        "/old": reply(301, Location="/new?a=1"),
        "/temporary": reply(302, Location=f"{server.url}/old"),
        "/new?a=1": reply(200, b"x"),
    }
    moved = _fetch(server, "/old")
    assert isinstance(moved, Fetched)
    assert moved.url == moved.moved == f"{server.url}/new?a=1"
    not_for_good = _fetch(server, "/temporary")
    assert isinstance(not_for_good, Fetched)
    assert (not_for_good.url, not_for_good.moved) == (f"{server.url}/new?a=1", None)


def test_a_circle_of_redirects_ends(server: Server) -> None:
    server.answers["/a"] = reply(302, Location="/a")
    assert _failure(_fetch(server, "/a")) == "redirects"
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", "bad-url"),
        ("gopher://127.0.0.1/", "bad-url"),
        ("http://[bad/", "bad-url"),
    ],
)
def test_a_redirect_elsewhere_than_the_web_is_refused(server: Server, location: str, reason: str) -> None:
    server.answers["/a"] = reply(302, Location=location)
    assert _failure(_fetch(server, "/a")) == reason


def test_without_permission_the_loopback_is_never_connected_to(server: Server) -> None:
    assert _failure(fetch(server.url, Conditional(), SETTINGS)) == "refused"
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "http-status"), (500, "http-status"), (410, "gone"), (429, "rate-limited"), (503, "unavailable")],
)
def test_a_status_has_its_reason_and_the_wait_that_was_asked_for(server: Server, status: int, reason: str) -> None:
    server.answers["/a"] = reply(status, Retry_After="120")
    outcome = _fetch(server, "/a")
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.retry_after) == (reason, "120")


def test_a_compressed_body_comes_back_whole(server: Server) -> None:
    server.answers["/a"] = gzipped(b"<rss/>" * 10_000)
    outcome = _fetch(server, "/a")
    assert isinstance(outcome, Fetched)
    assert outcome.body == b"<rss/>" * 10_000


def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(server: Server) -> None:
    server.answers["/a"] = gzipped(b"\0" * 50_000_000)
    assert _failure(_fetch(server, "/a")) == "too-large"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"no gzip", "gzip"), (gzip.compress(b"x" * 1_000)[:-12], "gzip"), (b"x", "zstd"), (b"x", "gzip, gzip")],
)
def test_an_encoding_that_is_broken_or_was_not_asked_for_is_refused(server: Server, body: bytes, encoding: str) -> None:
    server.answers["/a"] = reply(200, body, Content_Encoding=encoding)
    assert _failure(_fetch(server, "/a")) == "encoding"


def test_a_body_over_the_limit_is_refused(server: Server) -> None:
    server.answers["/a"] = reply(200, b"x" * 100_001)
    assert _failure(_fetch(server, "/a")) == "too-large"


def test_a_server_that_never_ends_is_left(server: Server) -> None:
    server.answers["/a"] = drip(server)
    assert _failure(_fetch(server, "/a", settings=Settings(fetch_seconds_max=0.3))) == "timeout"


def test_a_server_that_does_not_answer_is_left(server: Server) -> None:
    server.answers["/a"] = silence(server)
    assert _failure(_fetch(server, "/a", settings=Settings(fetch_seconds_max=0.3))) == "timeout"


def test_no_server_and_no_such_name_are_failures_to_connect() -> None:
    for url in ("http://127.0.0.1:9/", "http://no-such-host.invalid/"):
        assert _failure(fetch(url, Conditional(), SETTINGS, allow_private=True)) == "connection"
