"""``wirewatch bench exactness``: what the exact counters cost against plain increments."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from consumers.counters import tally
from consumers.keys import ZSETS, Bucket, Keys
from consumers.redis_store import RedisStore
from wirewatch.broker import Message, TopicPartition
from wirewatch.cli.wiring import open_redis
from wirewatch.local import machine
from wirewatch.metrics import Metrics
from wirewatch.records import ActorMentions, Mention, Mentions
from wirewatch.redis_client import Client
from wirewatch.settings import Settings, load
from wirewatch.stage import Received
from wirewatch.topics import MENTIONS

_WHERE = TopicPartition(MENTIONS.name, 0)
_ACTORS = ("nato", "iran", "islamic-state")
_ROUNDS = 3


@click.command(epilog="Examples: `wirewatch bench exactness`, `wirewatch bench exactness --json`.")
@click.option("--articles", type=click.IntRange(1), default=20_000, show_default=True, help="Per round.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(articles: int, as_json: bool) -> None:
    """Articles a second that one process counts: exactly, and by plain pipelines of the same increments.

    The plain ones keep no position, so a repeat counts twice: one sends every increment, the other adds up a batch's
    first. They take turns on one temporary server; the median of each is told.
    """
    settings = load()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    batches = _batches(articles, settings.batch_messages_max)
    rates: dict[str, list[float]] = {way: [] for way in _WAYS}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=settings.data_dir) as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        with machine.servers(own, local_kafka=False, say=Console(stderr=True).print) as servers:
            client = open_redis(servers.settings)
            for turn in range(len(_WAYS) * _ROUNDS):
                way, count = list(_WAYS.items())[turn % len(_WAYS)]
                # A prefix per turn: every one begins with nothing.
                keys = Keys(f"bench{turn}")
                started = time.perf_counter()
                count(client, keys, servers.settings, batches)
                rates[way].append(articles / (time.perf_counter() - started))
            client.close()
    medians = {way: round(statistics.median(own)) for way, own in rates.items()}
    if as_json:
        click.echo(msgspec.json.encode({"articles": articles, **medians}))
    else:
        for way, rate in medians.items():
            click.echo(f"{way:6} {rate:,} articles/s; exact is {medians['exact'] / rate:.0%} of it")


Batches = Sequence[Sequence[Received[Any]]]
Way = Callable[[Client, Keys, Settings, Batches], None]


def _exact(client: Client, keys: Keys, settings: Settings, batches: Batches) -> None:
    store = RedisStore(client, keys, settings, Metrics(), lambda *_: ())
    position = 0
    for batch in batches:
        position = store.apply(_WHERE, position, position + len(batch), batch)


def _plain(client: Client, keys: Keys, settings: Settings, batches: Batches) -> None:  # noqa: ARG001 - as _exact
    for batch in batches:
        with client.pipeline(transaction=False) as pipe:
            for received in batch:
                adds = tally(received.record, received.message.timestamp_ms)
                pipe.sadd(keys.seen(*_WHERE, adds.received), adds.article_id)
                for bucket, name, amount in adds.increments:
                    key = keys.counter(*_WHERE, bucket)
                    if bucket.family in ZSETS:
                        pipe.zincrby(key, amount, name)
                    else:
                        pipe.hincrby(key, name, amount)
            pipe.execute()


def _summed(client: Client, keys: Keys, settings: Settings, batches: Batches) -> None:  # noqa: ARG001 - as _exact
    for batch in batches:
        ids: dict[str, set[str]] = {}
        sums: Counter[tuple[Bucket, str]] = Counter()
        for received in batch:
            adds = tally(received.record, received.message.timestamp_ms)
            ids.setdefault(keys.seen(*_WHERE, adds.received), set()).add(adds.article_id or "")
            for bucket, name, amount in adds.increments:
                sums[bucket, name] += amount
        with client.pipeline(transaction=False) as pipe:
            for key, own in ids.items():
                pipe.sadd(key, *own)
            for (bucket, name), amount in sums.items():
                key = keys.counter(*_WHERE, bucket)
                if bucket.family in ZSETS:
                    pipe.zincrby(key, amount, name)
                else:
                    pipe.hincrby(key, name, amount)
            pipe.execute()


_WAYS: dict[str, Way] = {"exact": _exact, "plain": _plain, "summed": _summed}


def _batches(articles: int, size: int) -> Batches:
    records = [_record(n) for n in range(articles)]
    return [records[start : start + size] for start in range(0, articles, size)]


def _record(n: int) -> Received[Any]:
    """Every second article names one to three actors; a day passes in 5,000 articles."""
    at = datetime.now(UTC).replace(hour=0, minute=0) + timedelta(days=n / 5_000)
    mention = Mention(text="x", start=0, end=1, field="text", kind="name", score=0.9, why="")
    named = tuple(
        ActorMentions(id=actor, name=actor, score=0.9, mentions=(mention,))
        for actor in _ACTORS[: n % 6 - 2 if n % 2 else 0]
    )
    record = Mentions(
        status="ok" if named else "none",
        article_id=f"{n:032x}",
        source=f"source {n % 20}",
        language="nl",
        first_seen=at,
        received_ms=int(at.timestamp() * 1000),
        actors=named,
    )
    return Received(record, Message(*_WHERE, n, record.received_ms, None, b"", (("src.offset", b"%d" % n),)))
