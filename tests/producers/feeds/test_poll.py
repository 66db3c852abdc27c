"""Polling: when a feed is due, and that what is new reaches the log once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from prometheus_client import CollectorRegistry

from producers import documents
from producers.feeds.board import MemoryBoard
from producers.feeds.fetch import Failed, Fetcher
from producers.feeds.intake import Intake
from producers.feeds.poll import Poller, Visit
from producers.feeds.scheduler import Scheduler
from tests.producers.feeds.server import Server, conditional, reply, serving
from tests.producers.log import Log, unwritable
from wirewatch.feed_state import Listing
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings

FEED = b"<rss version='2.0'><channel><link>https://krant.example/</link>%s</channel></rss>"
ITEM = b"<item><title>Artikel %d</title><link>https://krant.example/%d</link></item>"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as opened:
        yield opened


class Polling:
    """A poller of one feed; keeps what it was told, and stops after a number of visits."""

    def __init__(self, log: Log, settings: Settings, visits_max: int) -> None:
        self.visits: list[Visit] = []
        self.visits_max = visits_max
        self.after: dict[int, Callable[[], None]] = {}
        """What happens to the world after so many visits."""
        self.metrics = Metrics(CollectorRegistry())
        self.log = log
        fast = {"feed_interval_seconds": 0.01, "feed_interval_seconds_max": 0.01, "feed_host_connections": 9}
        self.settings = settings.model_copy(update=fast)

    def run(self, *urls: str) -> None:
        asyncio.run(self._run(urls))

    async def _run(self, urls: tuple[str, ...]) -> None:
        self.stop = asyncio.Event()
        async with Fetcher(self.settings, allow_private=True) as fetcher:
            board = MemoryBoard([Listing(url=url) for url in urls], self.settings.feed_host_connections)
            intake = Intake(
                producer=self.log.producer,
                parse=documents.parse,
                settings=self.settings,
                metrics=self.metrics,
                marks=board,
                fetcher=fetcher,
            )
            poller = Poller(intake=intake, board=board, on_visit=self._seen)
            await Scheduler(poller, endless=False).run(self.stop)

    def _seen(self, visit: Visit) -> None:
        self.visits.append(visit)
        self.after.get(len(self.visits), lambda: None)()
        if len(self.visits) >= self.visits_max:
            self.stop.set()

    def published(self) -> list[int]:
        return [visit.tally.published for visit in self.visits]


def _feed(*numbers: int) -> bytes:
    return FEED % b"".join(ITEM % (n, n) for n in numbers)


def test_only_what_is_new_is_published_and_an_unchanged_feed_is_not_fetched(
    server: Server, log: Log, settings: Settings
) -> None:
    polling = Polling(log, settings, visits_max=4)
    server.answers["/feed"] = conditional(_feed(1, 2), '"1"', "yesterday")
    changed = conditional(_feed(1, 2, 3), '"2"', "today")
    polling.after[2] = lambda: server.answers.update({"/feed": changed})
    polling.run(f"{server.url}/feed")
    assert polling.published() == [2, 0, 1, 0]
    assert sorted(article.title for article in log.articles()) == ["Artikel 1", "Artikel 2", "Artikel 3"]
    assert {article.fetched_from for article in log.articles()} == {f"{server.url}/feed"}
    samples = polling.metrics.registry.get_sample_value
    assert samples("wirewatch_feed_fetches_total", {"outcome": "fetched"}) == 2
    assert samples("wirewatch_feed_fetches_total", {"outcome": "not-modified"}) == 2


def test_a_bad_item_goes_to_the_dead_letters_once_however_often_it_is_polled(
    server: Server, log: Log, settings: Settings
) -> None:
    server.answers["/feed"] = reply(200, FEED % b"<item></item>")
    polling = Polling(log, settings, visits_max=3)
    polling.run(f"{server.url}/feed")
    [(letter, _)] = log.dead_letters()
    assert (letter.reason, letter.stage, letter.origin) == ("empty", "feeds", f"{server.url}/feed#0")


def test_a_feed_that_is_gone_ends_and_the_others_go_on(server: Server, log: Log, settings: Settings) -> None:
    server.answers |= {"/gone": reply(410), "/feed": reply(200, _feed(1)), "/page": reply(200, b"<html>")}
    polling = Polling(log, settings, visits_max=9)
    polling.run(*(f"{server.url}/{name}" for name in ("gone", "feed", "page")))
    ended = [visit for visit in polling.visits if visit.next.when is None]
    assert [(visit.url, visit.next.reason) for visit in ended] == [(f"{server.url}/gone", "gone")]
    not_a_feed = [visit.outcome for visit in polling.visits if visit.url.endswith("/page")]
    assert all(isinstance(outcome, Failed) and outcome.reason == "not-a-feed" for outcome in not_a_feed)
    assert len(not_a_feed) > 1


def test_polling_ends_by_itself_when_every_feed_has_ended(server: Server, log: Log, settings: Settings) -> None:
    server.answers["/gone"] = reply(410)
    polling = Polling(log, settings, visits_max=99)
    polling.run(f"{server.url}/gone")
    assert len(polling.visits) == 1


def test_while_the_broker_is_away_nothing_is_forgotten(server: Server, log: Log, settings: Settings) -> None:
    server.answers["/feed"] = conditional(_feed(1, 2), '"1"', "yesterday")
    polling = Polling(log, settings, visits_max=2)
    with ExitStack() as outage:
        outage.enter_context(unwritable(settings))
        polling.after[1] = outage.close
        polling.run(f"{server.url}/feed")
    first, second = polling.visits
    assert isinstance(first.outcome, Failed)
    assert first.outcome.reason == "broker-unavailable"
    assert second.tally.published == len(log.articles()) == 2


def test_after_a_permanent_move_the_new_address_is_polled(server: Server, log: Log, settings: Settings) -> None:
    server.answers |= {"/old": reply(301, Location="/new"), "/new": reply(200, _feed(1))}
    polling = Polling(log, settings, visits_max=3)
    polling.run(f"{server.url}/old")
    assert [path for path, _ in server.requests] == ["/old", "/new", "/new", "/new"]
    assert polling.published() == [1, 0, 0]
