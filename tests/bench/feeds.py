"""Figures of live feeds: `python -m tests.bench.feeds`. A simulated week, parse times, polls per core, memory."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil

from producers.apart_pool import ApartPool
from producers.documents import parse as parse_here
from producers.feeds.board import RedisBoard
from producers.feeds.fetch import Conditional, Fetched, Fetcher, NotModified, Outcome
from producers.feeds.intake import Intake, document_of
from producers.feeds.poll import Poller
from producers.feeds.rhythm import Rhythm, arrived, next_poll
from producers.feeds.scheduler import Scheduler
from tests.redis_server import RedisServer, programs
from wirewatch.broker import Producer
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import Rejected
from wirewatch.feed_state import FeedKeys, Listing, list_feeds
from wirewatch.metrics import Metrics
from wirewatch.redis_client import connect, connect_async
from wirewatch.settings import Settings
from wirewatch.topics import specs

FEEDS = 10_000
ITEMS = 10
START = datetime(2020, 1, 6, tzinfo=UTC)
SETTINGS = Settings()


def document(feed: int, count: int = ITEMS) -> bytes:
    """An RSS feed of ordinary size."""
    items = b"".join(
        b"<item><title>Artikel %d over de NAVO</title><link>https://krant.example/%d/%d</link><description>%s</description>"
        b"<pubDate>Mon, 06 Jan 2020 10:00:00 GMT</pubDate></item>" % (n, feed, n, b"Een zin over Irak. " * 15)
        for n in range(count)
    )
    return b"<rss version='2.0'><channel><title>K</title><link>https://krant.example/</link>%s</channel></rss>" % items


def week(gap_hours: float, chance: random.Random) -> tuple[int, int, int, float]:
    """One feed for a week: polls, of which 304s, polls at a fixed five minutes, mean delay in minutes."""
    moments, at = [], START
    while at < START + timedelta(days=7):
        at += timedelta(hours=chance.expovariate(1 / gap_hours))
        # By night a newsroom is still.
        if 6 <= at.hour < 23:
            moments.append(at)
    now, rhythm, polls, same, seen, delays = START, Rhythm(gap_hours * 3600, START), 0, 0, 0, [0.0]
    while now < START + timedelta(days=7):
        polls += 1
        found = sum(moment <= now for moment in moments)
        delays += [(now - moment).total_seconds() / 60 for moment in moments[seen:found]]
        answer: Outcome = Fetched("", b"", None, Conditional()) if found > seen else NotModified(Conditional())
        same += found == seen
        rhythm = arrived(rhythm, found - seen, [], now)
        seen = found
        following = next_poll(answer, now, SETTINGS, rhythm=rhythm, spread=chance.random()).when
        assert following is not None
        now = following
    return polls, same, 7 * 24 * 12, statistics.fmean(delays)


def server(listener: socket.socket) -> None:
    """Answers 200 with a feed, 304 to whoever knows it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"if-none-match" in head.lower():
            writer.write(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        else:
            body = document(int(head.split(b" ")[1].strip(b"/")))
            writer.write(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' % len(body))
            writer.write(body)
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(answer, sock=listener) as listening:
            await listening.serve_forever()

    asyncio.run(run())


def _same(now: datetime) -> datetime:
    return now


@dataclass(frozen=True, slots=True)
class Run:
    """One process that polls the whole list once, at ``now``."""

    what: str
    redis_url: str
    folder: Path
    feeds: int
    now: datetime


def run(plan: Run) -> None:
    """Poll, and say how many a minute and core, and how much memory that took. In a process of its own."""
    settings = SETTINGS.model_copy(update={"data_dir": plan.folder, "feed_host_connections": 100})
    started = psutil.Process().memory_info().rss
    broker = open_broker(settings)
    broker.admin().create_topics(specs(settings))
    producer = broker.producer()
    with ApartPool() as parse:
        began = _cpu(), time.monotonic()
        metrics = asyncio.run(_poll(plan, settings, producer, parse))
        used, lasted = _cpu() - began[0], time.monotonic() - began[1]
        children = [child.memory_info().rss for child in psutil.Process().children()]
    producer.close()
    done = sum(sample.value for family in metrics.feed_fetches.collect() for sample in family.samples)
    outcomes = {s.labels["outcome"]: int(s.value) for family in metrics.feed_fetches.collect() for s in family.samples}
    own = psutil.Process().memory_info().rss
    print(  # noqa: T201
        f"polls with {plan.what}: {done / used * 60:,.0f} a minute and core "
        f"({outcomes} in {lasted:.1f} s, {used:.1f} s of CPU, parsers included); "
        f"memory {own / 1e6:.0f} MB (started with {started / 1e6:.0f}), parsers {sum(children) / 1e6:.0f} MB"
    )


async def _poll(plan: Run, settings: Settings, producer: Producer, parse: ApartPool) -> Metrics:
    metrics = Metrics()
    client = connect_async(plan.redis_url)
    board = RedisBoard(client, settings)
    async with Fetcher(settings, allow_private=True) as fetcher:
        intake = Intake(
            producer=producer, parse=parse, settings=settings, metrics=metrics, marks=board, fetcher=fetcher
        )
        poller = Poller(intake=intake, board=board, on_visit=lambda _: None, clock=partial(_same, plan.now))
        await Scheduler(poller).once()
    await client.aclose()
    return metrics


def _cpu() -> float:
    """Seconds of this process and the parsers."""
    process = psutil.Process()
    return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children()))


def saved() -> None:
    """What a week costs, by our rhythm and at fixed five minutes."""
    chance = random.Random(1)
    total = [week(gap, chance) for gap in (0.1, 0.5, 1, 3, 8, 24, 72) for _ in range(20)]
    polls, same, fixed = (sum(each[n] for each in total) for n in range(3))
    delay = statistics.fmean(each[3] for each in total)
    print(  # noqa: T201
        f"simulated week, 140 feeds: {polls:,} polls where five minutes fixed takes {fixed:,} "
        f"({1 - polls / fixed:.0%} saved); "
        f"{same / polls:.0%} of them are 304s; mean delay {delay:.0f} min"
    )


def parsing() -> None:
    """The time of one document, parsed here and apart."""
    fetched = [Fetched("https://e.example/", document(n, 1 + n), None, Conditional()) for n in range(200)]
    with ApartPool(1) as apart:
        for where, parse in (("here", parse_here), ("apart", apart)):
            parse(document_of(fetched[0], SETTINGS))  # the imports
            times = []
            for each in fetched:
                began = time.perf_counter()
                parse(document_of(each, SETTINGS))
                times.append((time.perf_counter() - began) * 1000)
            print(  # noqa: T201
                f"parsed {where}, 1 to 200 items: median {statistics.median(times):.1f} ms, worst {max(times):.0f} ms"
            )
    hostile = b"<rss version='2.0'><channel><item><author>" + b"a" * 250_000 + b"</author></item></channel></rss>"
    with ApartPool(1) as apart:
        began = time.perf_counter()
        with suppress(Rejected):
            apart(document_of(Fetched("https://e.example/", hostile, None, Conditional()), SETTINGS))
        print(f"a hostile feed of 250 KB is given up after {time.perf_counter() - began:.0f} s")  # noqa: T201


def main() -> None:
    """Print every figure."""
    feeds = int(sys.argv[1]) if len(sys.argv) > 1 else FEEDS
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # noqa: T201
    saved()
    parsing()
    spawn = multiprocessing.get_context("spawn")
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    port = listener.getsockname()[1]
    web = spawn.Process(target=server, args=(listener,), daemon=True)
    web.start()
    with tempfile.TemporaryDirectory() as folder:
        redis = RedisServer(next(iter(programs().values())), Path(folder)).start()
        client = connect(redis.url)
        began = time.monotonic()
        listings = [Listing(url=f"http://127.0.0.1:{port}/{n}") for n in range(feeds)]
        list_feeds(client, FeedKeys(SETTINGS.redis_prefix), listings, START)
        print(f"{feeds:,} feeds put on the list in {time.monotonic() - began:.1f} s")  # noqa: T201
        start = datetime.now(UTC)
        # Each in a process of its own; the second time, after a restart, every feed is due again.
        for what, now in (("new items", start), ("304s", start + timedelta(days=2))):
            process = spawn.Process(target=run, args=(Run(what, redis.url, Path(folder), feeds, now),))
            process.start()
            process.join()
        used = client.info("memory")["used_memory"] / 1e6
        articles = feeds * ITEMS
        print(f"Redis: {used:.0f} MB for {feeds:,} feeds and the marks of {articles:,} articles")  # noqa: T201
        client.close()
        redis.stop()
    web.terminate()


if __name__ == "__main__":
    main()
