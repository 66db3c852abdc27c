"""Feeds on a real server with every mood at once: what is good comes through, once, and what is bad is told as such."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from functools import partial

from prometheus_client import CollectorRegistry

from producers.apart_pool import ApartPool
from producers.feeds.board import MemoryBoard
from producers.feeds.fetch import Failed, Fetcher
from producers.feeds.intake import Intake
from producers.feeds.poll import Poller, Visit
from producers.feeds.scheduler import Scheduler
from tests.producers.feeds.server import (
    Answer,
    Server,
    conditional,
    cut,
    drip,
    flapping,
    gzipped,
    hang_up,
    reply,
    serving,
    silence,
)
from tests.producers.log import Log
from wirewatch.feed_state import Listing
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings

# Takes feedparser minutes.
HOSTILE = b"<rss version='2.0'><channel><item><author>" + b"a" * 250_000 + b"</author></item></channel></rss>"


def feed(*numbers: int) -> bytes:
    items = "".join(f"<item><title>Artikel {n}</title><link>https://k.example/{n}</link></item>" for n in numbers)
    return f"<rss version='2.0'><channel><title>K</title>{items}</channel></rss>".encode()


def moods(server: Server) -> dict[str, tuple[Answer, str]]:
    """Path to what it does, and how its poll ends."""
    bad_gzip = reply(200, b"no gzip", Content_Encoding="gzip")
    return {
        "/drip": (drip(server), "timeout"),
        "/silence": (silence(server), "timeout"),
        "/bomb": (gzipped(b"<rss>" + b" " * 20_000_000), "too-large"),
        "/stored-bomb": (reply(200, b"\x1f\x8b" + stored_zeros()), "not-a-feed"),
        "/bad-gzip": (bad_gzip, "encoding"),
        "/pdf": (reply(200, b"%PDF-1.7 \0\xff", Content_Type="application/pdf"), "not-a-feed"),
        "/image": (reply(200, b"\x89PNG\r\n\x1a\n" + bytes(1_000), Content_Type="image/png"), "not-a-feed"),
        "/page": (reply(200, b"<html><body>Nieuws</body></html>", Content_Type="text/html"), "not-a-feed"),
        "/as-text": (reply(200, feed(9), Content_Type="text/plain"), "ok"),
        "/as-page": (reply(200, feed(10), Content_Type="text/html"), "ok"),
        "/empty": (reply(200), "not-a-feed"),
        "/circle": (reply(302, Location="/circle"), "redirects"),
        "/inward": (reply(302, Location="file:///etc/passwd"), "bad-url"),
        "/gone": (reply(410), "gone"),
        "/hostile": (reply(200, HOSTILE), "not-a-feed"),
    }


def stored_zeros() -> bytes:
    """The rest of a gzip file of many zeros."""
    return gzip.compress(bytes(20_000_000))[2:]


async def _poll(
    log: Log, settings: Settings, urls: list[str], parse: ApartPool, visits: list[Visit], rounds: int
) -> None:
    now = datetime(2020, 1, 6, tzinfo=UTC)
    board = MemoryBoard([Listing(url=url) for url in urls], host_max=99)
    async with Fetcher(settings, allow_private=True) as fetcher:
        intake = Intake(
            producer=log.producer,
            parse=parse,
            settings=settings,
            metrics=Metrics(CollectorRegistry()),
            marks=board,
            fetcher=fetcher,
        )
        for day in range(rounds):
            clock = partial(_same, now + timedelta(days=2 * day))  # every feed is due again
            await Scheduler(Poller(intake=intake, board=board, on_visit=visits.append, clock=clock)).once()


def _same(now: datetime) -> datetime:
    return now


def _word(visit: Visit) -> str:
    return visit.outcome.reason if isinstance(visit.outcome, Failed) else "ok"


def test_every_mood_is_told_as_what_it_is_and_costs_the_good_feeds_nothing(log: Log, settings: Settings) -> None:
    settings = settings.model_copy(update={"fetch_seconds_max": 3.0, "fetch_bytes_max": 1_000_000})
    visits: list[Visit] = []
    with serving() as server, ApartPool(2, cpu_seconds_max=1) as parse:
        expected = moods(server)
        server.answers |= {path: answer for path, (answer, _) in expected.items()}
        asyncio.run(_poll(log, settings, [server.url + path for path in expected], parse, visits, 1))
    found = {visit.url.removeprefix(server.url): _word(visit) for visit in visits}
    assert found == {path: word for path, (_, word) in expected.items()}
    assert {visit.url for visit in visits if visit.next.when is None} == {
        f"{server.url}/{n}" for n in ("gone", "inward")
    }
    assert sorted(article.title for article in log.articles()) == ["Artikel 10", "Artikel 9"]
    assert log.dead_letters() == []


def test_a_feed_that_comes_and_goes_brings_every_article_once(log: Log, settings: Settings) -> None:
    rounds = [conditional(feed(*range(1, n + 1)), f'"{n}"', str(n)) for n in range(1, 4)]
    ill = [reply(500), hang_up, cut(feed(1, 2)), reply(429, Retry_After="1")]
    visits: list[Visit] = []
    with serving() as server, ApartPool(1) as parse:
        server.answers["/feed"] = flapping(rounds[0], ill[0], rounds[1], ill[1], ill[2], rounds[2], ill[3])
        asyncio.run(_poll(log, settings, [f"{server.url}/feed"], parse, visits, 14))
    once = ["ok", "http-status", "ok", "connection", "connection", "ok", "rate-limited"]
    assert [_word(visit) for visit in visits] == once * 2
    assert [article.title for article in sorted(log.articles(), key=lambda each: each.title)] == [
        "Artikel 1",
        "Artikel 2",
        "Artikel 3",
    ]
    assert log.dead_letters() == []
