"""``wirewatch feeds``: live feeds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import click

from producers.apart_pool import ApartPool
from producers.feeds import poll as polling
from producers.feeds.board import Board, MemoryBoard, RedisBoard
from producers.feeds.fetch import Failed, Fetcher, NotModified
from producers.feeds.intake import THREADS, Intake
from producers.feeds.pages import Pages
from producers.feeds.scheduler import Scheduler
from producers.feeds.subscriber import Subscriber
from producers.feeds.subscriptions import Subscriptions
from wirewatch import logs, metrics_server
from wirewatch.cli import feed_list
from wirewatch.cli.feed_check import ALLOW_PRIVATE, check, following
from wirewatch.cli.signals import async_stop_event
from wirewatch.cli.wiring import open_broker
from wirewatch.feed_state import Listing
from wirewatch.metrics import Metrics
from wirewatch.redis_client import address, connect_async
from wirewatch.settings import load
from wirewatch.topics import specs


@click.group(epilog="Examples: `wirewatch feeds check https://example.org/feed`, `wirewatch feeds poll URL --once`.")
def command() -> None:
    """Keep a list of live feeds (RSS, Atom, JSON Feed), poll them, or see what a poll would give."""


for _each in (check, *feed_list.COMMANDS):
    command.add_command(_each)


@dataclass(slots=True)
class _Log:
    """One line per poll; remembers whether one failed."""

    failed: list[str] = field(default_factory=list)

    def __call__(self, visit: polling.Visit) -> None:
        click.echo(f"{visit.url}: {_said(visit)}; next poll {following(visit.next)}", err=True)
        if isinstance(visit.outcome, Failed):
            self.failed.append(visit.url)


@command.command(
    epilog="Examples: `wirewatch feeds poll` polls the list, `wirewatch feeds poll https://example.org/feed --once`."
)
@click.argument("urls", nargs=-1, metavar="[URL...]")
@click.option("--once", is_flag=True, help="Poll each feed that is due one time and stop; exit code 1 when one failed.")
@ALLOW_PRIVATE
def poll(urls: Sequence[str], once: bool, allow_private: bool) -> int:
    """Poll the list of feeds, or the feeds given, and publish what is new, until stopped.

    The list (`wirewatch feeds import`) and what the servers said are in Redis: a restart asks for nothing twice, and
    any number of pollers share the work. For feeds given here all is kept in memory, and no Redis is needed.

    Asks politely: each feed by its own rhythm, from 5 minutes to a day; sends back ETag and Last-Modified, honours
    Cache-Control and Retry-After, waits longer after each failure, and ends where the server says that a feed is gone.
    """
    settings = load()
    logs.configure(settings, process="feeds")
    metrics = Metrics().with_process_metrics()
    metrics_server.serve(metrics, settings)
    broker = open_broker(settings)
    admin = broker.admin()
    try:
        admin.create_topics(specs(settings))
    finally:
        admin.close()
    log, apart = _Log(), ApartPool()
    client = None if urls else connect_async(address(settings))
    board: Board = (
        RedisBoard(client, settings)
        if client
        else MemoryBoard([Listing(url=url) for url in urls], settings.feed_host_connections)
    )
    producer = broker.producer()

    async def work() -> None:
        stop = async_stop_event()
        async with Fetcher(settings, allow_private=allow_private) as fetcher:
            with ThreadPoolExecutor(THREADS, "parse") as threads:
                intake = Intake(
                    producer=producer,
                    parse=apart,
                    settings=settings,
                    metrics=metrics,
                    marks=board,
                    fetcher=fetcher,
                    pages=Pages(fetcher, settings, metrics, threads, apart),
                    threads=threads,
                )
                subscriber = (
                    Subscriber(Subscriptions(client, settings), fetcher, metrics, settings.websub_url)
                    if client and settings.websub_url
                    else None
                )
                poller = polling.Poller(intake=intake, board=board, on_visit=log, subscriber=subscriber)
                scheduler = Scheduler(poller, endless=not urls)
                await (scheduler.once() if once else scheduler.run(stop))
        if client:
            await client.aclose()

    try:
        asyncio.run(work())
    finally:
        apart.close()
        producer.close()
    return 1 if once and log.failed else 0


def _said(visit: polling.Visit) -> str:
    if isinstance(visit.outcome, Failed):
        return f"{visit.outcome.reason}: {visit.outcome.detail}"
    if isinstance(visit.outcome, NotModified):
        return "not modified"
    tally = visit.tally
    return f"{visit.items} items, {tally.published} new articles published, {tally.rejected} rejected"
