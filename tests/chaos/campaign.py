"""One campaign: load and faults side by side, then the verdict."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from consumers.keys import Keys
from consumers.reading import applied
from consumers.recognise import Recogniser, compile_watchlist
from consumers.stages import STAGES
from consumers.watchlist_file import of_settings
from tests.chaos.journal import Load
from tests.chaos.plan import Fault, faults, sendings
from tests.chaos.verdict import Verdict, judge
from tests.chaos.world import World
from wirewatch.cli.bench_articles import generate
from wirewatch.cli.path import ArticlePath, settled
from wirewatch.cli.samples import sample_items
from wirewatch.cli.wiring import open_redis
from wirewatch.errors import Transient, UserError
from wirewatch.records import Article
from wirewatch.settings import Settings
from wirewatch.topics import ARTICLES

_LOOK_SECONDS = 0.2
_RECOVERY_SECONDS_MAX = 120.0
_SETTLE_SECONDS_MAX = 300.0
WORDS, NAMING = 60, 0.4

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a campaign is to do."""

    seed: int
    articles: int
    stages: int
    redis: int
    broker: int
    gap_seconds: float
    kafka: bool


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    order: Order
    verdict: Verdict
    acknowledged: int
    seconds: float
    recovery: dict[str, list[float]] = field(default_factory=dict)


def run(order: Order, folder: Path, redis_program: str, say: Say = lambda _: None) -> Outcome:
    """Run it in ``folder``. Raises AssertionError when the system does not recover from a fault in two minutes."""
    started = time.monotonic()
    world = World(folder, redis_program, kafka=order.kafka).start()
    try:
        recogniser = compile_watchlist(of_settings(world.settings))
        plan = faults(order.seed, stages=order.stages, redis=order.redis, broker=order.broker)
        load = Load(
            world.broker(),
            sendings(_articles(order, recogniser), ARTICLES.encode, order.seed),
            per_second=order.articles / (order.gap_seconds * (len(plan) + 1)),
        )
        load.start()
        recovery = _inject_all(world, plan, load, order, say)
        load.join()
        say(f"{len(load.journal)} records acknowledged; waiting until all is processed")
        _settle(world, load)
        verdict = judge(load.journal, recogniser, world.broker(), world.settings)
    finally:
        world.stop()
    return Outcome(order, verdict, len(load.journal), time.monotonic() - started, recovery)


def _articles(order: Order, recogniser: Recogniser) -> list[Article]:
    """The benchmark's articles, first seen yesterday: counters of long ago would have expired."""
    samples = [item.outcome for item in sample_items(Settings()) if isinstance(item.outcome, Article)]
    made = generate(samples, recogniser, count=order.articles, words=WORDS, naming=NAMING, seed=order.seed)
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    return [
        msgspec.structs.replace(a, first_seen=day + timedelta(seconds=86_399 * n / order.articles))
        for n, a in enumerate(made)
    ]


def _inject_all(world: World, plan: Sequence[Fault], load: Load, order: Order, say: Say) -> dict[str, list[float]]:
    chance = random.Random(f"injecting {order.seed}")
    recovery: dict[str, list[float]] = defaultdict(list)
    for number, fault in enumerate(plan, 1):
        _pause(world, order.gap_seconds * chance.uniform(0.5, 1.0))
        before = len(load.journal)
        injected = time.monotonic()
        world.inject(fault, chance)
        _wait(world, partial(_caught_up, world.settings, before), _RECOVERY_SECONDS_MAX, f"no recovery from {fault}")
        seconds = time.monotonic() - injected
        recovery[fault.kind].append(seconds)
        say(f"{number}/{len(plan)} {fault}: caught up after {seconds:.1f} s, {before} records")
    return recovery


def _caught_up(settings: Settings, records: int) -> bool:
    """Whether the counters stand for so many records of mentions.v1: one per record of articles.v1, and repeats."""
    client = open_redis(settings)
    try:
        return applied(client, Keys(settings.redis_prefix), settings.partitions) >= records
    finally:
        client.close()


def _settle(world: World, load: Load) -> None:
    if load.failure:
        raise load.failure
    path = ArticlePath(list(STAGES.values()), world.settings)
    try:
        _wait(world, lambda: settled(path.reached()), _SETTLE_SECONDS_MAX, "it did not settle")
    finally:
        path.close()


def _pause(world: World, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        world.tend()
        time.sleep(_LOOK_SECONDS)


def _wait(world: World, done: Callable[[], bool], seconds_max: float, otherwise: str) -> None:
    """Until ``done``, with stages started again; servers that are away are asked again."""
    deadline = time.monotonic() + seconds_max
    while True:
        world.tend()
        try:
            if done():
                return
        except (Transient, UserError) as error:
            otherwise = f"{otherwise.split(' (')[0]} ({error})"
        assert time.monotonic() < deadline, otherwise
        time.sleep(_LOOK_SECONDS)
