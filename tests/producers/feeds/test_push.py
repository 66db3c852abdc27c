"""WebSub from end to end: a feed, a hub, our ingest on a real port, a real Redis, a real log."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from producers import documents, websub_endpoint
from producers.feeds.board import RedisBoard
from producers.feeds.fetch import Fetcher
from producers.feeds.intake import Intake
from producers.feeds.poll import Poller, Visit
from producers.feeds.scheduler import Scheduler
from producers.feeds.subscriber import Subscriber
from producers.feeds.subscriptions import Subscriptions
from tests.producers.feeds.hub import Hub, hubbing
from tests.producers.feeds.server import Server, reply, serving
from tests.producers.log import Log
from wirewatch.feed_state import FeedKeys, FeedState, Listing, list_feeds, read_states, unlist_feeds
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, connect, connect_async
from wirewatch.settings import Settings

FEED = """<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>K</title>
<link>https://krant.example/</link><atom:link rel="hub" href="{hub}"/><atom:link rel="self" href="{topic}"/>{items}
</channel></rss>"""
ITEM = "<item><title>Artikel {n}</title><link>https://krant.example/{n}</link></item>"


class World:
    """Everything around one feed, whose address is ``url``. ``now`` is the pollers' clock."""

    def __init__(self, log: Log, settings: Settings, redis_url: str, server: Server, hub: Hub, ingest: str) -> None:
        self.log, self.server, self.hub, self.ingest = log, server, hub, ingest
        self.settings = settings
        self.redis_url = redis_url
        self.metrics = Metrics(CollectorRegistry())
        self.url = f"{server.url}/feed"
        self.now = datetime.now(UTC)
        self.client: Client = connect(redis_url)
        list_feeds(self.client, self.keys, [Listing(url=self.url)], self.now)
        self.holds(1)

    @property
    def keys(self) -> FeedKeys:
        return FeedKeys(self.settings.redis_prefix)

    def document(self, *numbers: int) -> bytes:
        items = "".join(ITEM.format(n=n) for n in numbers)
        return FEED.format(hub=self.hub.url, topic=self.url, items=items).encode()

    def holds(self, *numbers: int) -> None:
        self.server.answers["/feed"] = reply(200, self.document(*numbers))

    def poll(self, hours: float = 0) -> list[Visit]:
        """Poll what is due after so many more hours, with a poller that starts and ends here."""
        self.now += timedelta(hours=hours)
        visits: list[Visit] = []
        asyncio.run(self._poll(visits))
        return visits

    async def _poll(self, visits: list[Visit]) -> None:
        client = connect_async(self.redis_url)
        async with Fetcher(self.settings, allow_private=True) as fetcher:
            board = RedisBoard(client, self.settings)
            intake = Intake(
                producer=self.log.producer,
                parse=documents.parse,
                settings=self.settings,
                metrics=self.metrics,
                marks=board,
                fetcher=fetcher,
            )
            subscriber = Subscriber(Subscriptions(client, self.settings), fetcher, self.metrics, self.ingest)
            poller = Poller(
                intake=intake, board=board, on_visit=visits.append, subscriber=subscriber, clock=lambda: self.now
            )
            await Scheduler(poller).once()
        await client.aclose()

    def titles(self) -> list[str]:
        return sorted(article.title for article in self.log.articles())

    def state(self) -> FeedState:
        return read_states(self.client, self.keys, [self.url])[0]

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"wirewatch_{name}_total", labels) or 0.0


@contextmanager
def ingesting(log: Log, settings: Settings, redis_url: str) -> Iterator[str]:
    """Our endpoint for hubs on a real port; its address."""
    client = connect_async(redis_url)
    fetcher = Fetcher(settings)
    metrics = Metrics(CollectorRegistry())
    board = RedisBoard(client, settings)
    with ThreadPoolExecutor(1) as threads:
        intake = Intake(
            producer=log.producer,
            parse=documents.parse,
            settings=settings,
            metrics=metrics,
            marks=board,
            fetcher=fetcher,
            threads=threads,
        )
        app = FastAPI()
        app.include_router(websub_endpoint.router(intake, client, settings, metrics))
        app.router.on_shutdown.append(client.aclose)
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def world(log: Log, settings: Settings, redis_url: str) -> Iterator[World]:
    settings = settings.model_copy(update={"fetch_bytes_max": 50_000, "fetch_seconds_max": 5.0})
    with serving() as server, hubbing() as hub, ingesting(log, settings, redis_url) as ingest:
        opened = World(log, settings, redis_url, server, hub, ingest)
        yield opened
        opened.client.close()


def test_a_feed_that_offers_a_hub_is_subscribed_to_and_what_is_pushed_is_on_the_log_once(world: World) -> None:
    world.poll()
    world.hub.wait(1)
    [form] = world.hub.forms
    assert (form["hub.mode"], form["hub.topic"]) == ("subscribe", world.url)
    assert world.hub.publish(world.document(1, 2)) == [202]
    assert world.titles() == ["Artikel 1", "Artikel 2"]
    # Again, by the hub and by a poll: it is known.
    assert world.hub.publish(world.document(1, 2)) == [202]
    world.holds(1, 2)
    [visit] = world.poll(2)
    assert visit.tally.published == 0
    assert world.titles() == ["Artikel 1", "Artikel 2"]
    assert world.state().articles == 2
    assert len(world.hub.forms) == 1


@pytest.mark.parametrize("method", ["sha1", "sha384", "sha512"])
def test_every_method_of_signature_is_taken(world: World, method: str) -> None:
    world.poll()
    world.hub.wait(1)
    world.hub.method = method
    assert world.hub.publish(world.document(2)) == [202]
    assert world.titles() == ["Artikel 1", "Artikel 2"]


def test_a_forged_push_is_answered_like_any_other_and_gives_no_article(world: World) -> None:
    world.poll()
    world.hub.wait(1)
    [callback] = world.hub.subscribers
    assert world.hub.publish(world.document(666), secret="guessed") == [202]
    assert httpx.post(callback, content=world.document(666), trust_env=False).status_code == 202
    assert httpx.post(callback, content=b"x" * 60_000, trust_env=False).status_code == 413
    assert httpx.post(f"{world.ingest}/websub/guess", content=b"", trust_env=False).status_code == 410
    assert world.titles() == ["Artikel 1"]


def test_nobody_else_can_subscribe_us_or_end_a_subscription(world: World) -> None:
    world.poll()
    world.hub.wait(1)
    [form] = world.hub.forms
    other_topic = form | {"hub.topic": "https://elsewhere.example/"}
    stranger = form | {"hub.callback": f"{world.ingest}/websub/guess"}
    ending = form | {"hub.mode": "unsubscribe"}
    assert [world.hub.verify(each) for each in (other_topic, stranger, ending)] == [False, False, False]
    assert world.hub.publish(world.document(2)) == [202]
    assert world.titles() == ["Artikel 1", "Artikel 2"]


def test_while_pushes_and_polls_agree_polls_grow_rare_and_when_they_do_not_polling_is_back(world: World) -> None:
    world.poll()
    world.hub.wait(1)
    waits = []
    for _ in range(4):
        [visit] = world.poll(2.5)
        assert visit.next.when
        waits.append((visit.next.when - world.now).total_seconds())
    assert waits == sorted(waits)
    assert waits[-1] == world.settings.feed_push_interval_seconds
    assert len(world.hub.forms) == 1
    # The hub is silent about an article: polls are what counts again.
    world.holds(1, 2)
    [visit] = world.poll(2.5)
    assert visit.tally.published == 1
    assert world.state().agreed == 0


def test_a_hub_that_is_dead_leaves_the_feed_to_polling_and_is_asked_less_and_less(world: World) -> None:
    world.hub.refuse = True
    world.poll()
    for n in range(2, 14):
        world.holds(*range(1, n + 1))
        [visit] = world.poll(1.2)
        assert visit.tally.published == 1
        assert visit.next.reason != "pushed"
    assert len(world.titles()) == 13
    # After 1.2 h, 3.6 h (two more), 8.4 h (four more): within 14.4 hours.
    assert len(world.hub.forms) == 4
    assert world.count("feed_hub_requests", mode="subscribe", outcome="http-status") == 4


def test_a_lease_is_renewed_before_it_ends(world: World) -> None:
    world.hub.lease = 50_000
    world.poll()
    world.hub.wait(1)
    for _ in range(5):
        world.poll(2.5)
    assert [form["hub.mode"] for form in world.hub.forms] == ["subscribe", "subscribe"]
    assert len({form["hub.callback"] for form in world.hub.forms}) == 1


def test_a_feed_that_is_gone_or_removed_is_unsubscribed_from_and_its_pushes_are_refused(world: World) -> None:
    world.poll()
    world.hub.wait(1)
    [callback] = world.hub.subscribers
    world.server.answers["/feed"] = reply(410)
    world.poll(2.5)
    world.hub.wait(0)
    assert httpx.post(callback, content=b"", trust_env=False).status_code == 410
    assert world.state().push is None
    unlist_feeds(world.client, world.keys, [world.url])
    # Listed once more, and then taken off the list.
    list_feeds(world.client, world.keys, [Listing(url=world.url)], world.now)
    world.holds(1)
    world.poll()
    world.hub.wait(1)
    unlist_feeds(world.client, world.keys, [world.url])
    assert world.hub.publish(world.document(7)) == [410]
    world.poll()
    world.hub.wait(0)
    assert world.titles() == ["Artikel 1"]


def test_a_hub_of_our_own_network_is_not_asked(world: World) -> None:
    async def ask() -> None:
        client = connect_async(world.redis_url)
        async with Fetcher(world.settings) as fetcher:
            subscriber = Subscriber(Subscriptions(client, world.settings), fetcher, world.metrics, world.ingest)
            state = FeedState(url=world.url, hub=world.hub.url, topic=world.url)
            await subscriber.tend(state, None, world.now)
        await client.aclose()

    asyncio.run(ask())
    assert world.hub.forms == []
    assert world.count("feed_hub_requests", mode="subscribe", outcome="refused") == 1
