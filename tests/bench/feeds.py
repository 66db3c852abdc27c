"""Figures of live feeds: `python -m tests.bench.feeds`. A simulated week, parse times, polls per core, memory."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import socket
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil

from producers.documents import parse
from producers.feeds.board import MemoryBoard
from producers.feeds.fetch import Conditional, Fetched, Fetcher, NotModified, Outcome
from producers.feeds.intake import Intake, accepted, document_of
from producers.feeds.poll import Poller
from producers.feeds.rhythm import Rhythm, arrived, next_poll
from producers.feeds.scheduler import Scheduler
from wirewatch.broker import Broker
from wirewatch.cli.wiring import open_broker
from wirewatch.feed_state import Listing
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.topics import specs

FEEDS = 3_000
ITEMS = 20
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


async def poll(broker: Broker, port: int, feeds: int) -> None:
    """Poll all feeds with new items, then all again with 304s; says how many a minute and core."""
    start = datetime.now(UTC)
    board = MemoryBoard([Listing(url=f"http://127.0.0.1:{port}/{n}") for n in range(feeds)], 100)
    metrics = Metrics()
    settings = SETTINGS.model_copy(update={"feed_host_connections": 100})
    producer = broker.producer()
    async with Fetcher(settings, allow_private=True) as fetcher:
        # The second time every feed is due again.
        for what, now in (("new items", start), ("304s", start + timedelta(days=2))):
            intake = Intake(
                producer=producer, parse=parse, settings=settings, metrics=metrics, marks=board, fetcher=fetcher
            )
            poller = Poller(intake=intake, board=board, on_visit=lambda _: None, clock=partial(_same, now))
            began = time.process_time(), time.monotonic()
            await Scheduler(poller).once()
            used, lasted = time.process_time() - began[0], time.monotonic() - began[1]
            rate = feeds / used * 60
            print(f"polls with {what}: {rate:,.0f} a minute and core ({feeds} in {lasted:.1f} s, {used:.1f} s of CPU)")  # noqa: T201
    memory = psutil.Process().memory_info().rss / 1e6
    print(f"memory after {feeds} feeds of {ITEMS} items: {memory:.0f} MB")  # noqa: T201
    producer.close()


def main() -> None:
    """Print every figure."""
    chance = random.Random(1)
    total = [week(gap, chance) for gap in (0.1, 0.5, 1, 3, 8, 24, 72) for _ in range(20)]
    polls, same, fixed = (sum(each[n] for each in total) for n in range(3))
    delay = statistics.fmean(each[3] for each in total)
    print(  # noqa: T201
        f"simulated week, 140 feeds: {polls:,} polls where five minutes fixed takes {fixed:,} "
        f"({1 - polls / fixed:.0%} saved); "
        f"{same / polls:.0%} of them are 304s; mean delay {delay:.0f} min"
    )
    times = []
    for n in range(200):
        fetched = Fetched("https://e.example/", document(n, 1 + n), None, Conditional())
        began = time.perf_counter()
        accepted(parse(document_of(fetched, SETTINGS)), "https://e.example/", START, SETTINGS)
        times.append((time.perf_counter() - began) * 1000)
    worst = max(times)
    print(f"parse and accept, 1 to 200 items: median {statistics.median(times):.0f} ms, worst {worst:.0f} ms")  # noqa: T201
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    port = listener.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=server, args=(listener,), daemon=True)
    process.start()
    feeds = int(sys.argv[1]) if len(sys.argv) > 1 else FEEDS
    with tempfile.TemporaryDirectory() as folder:
        settings = SETTINGS.model_copy(update={"data_dir": Path(folder)})
        broker = open_broker(settings)
        broker.admin().create_topics(specs(settings))
        asyncio.run(poll(broker, port, feeds))
    process.terminate()


if __name__ == "__main__":
    main()
