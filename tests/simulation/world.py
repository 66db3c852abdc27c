"""One simulated run: members that step, a schedule from the seed, and what must hold at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from consumers.matching import matches
from consumers.outbox import OutboxConsumer
from consumers.redis_store import RedisStore
from consumers.rules import Rule, RuleSet
from consumers.stories.sketch import sketch
from tests.consumers.making import KEYS, NOON, actor, mentions
from tests.simulation.chance import Chance, Crash
from tests.simulation.log import SimLog
from tests.simulation.oracle import SEEN_DAYS, Expected, Violation
from tests.simulation.pool import SimPool, WorkerEnds
from tests.simulation.redis_model import Model, SimClient
from wirewatch.broker import Broker, Consumer, TopicPartition
from wirewatch.errors import Rebalanced, Rejected, Transient
from wirewatch.metrics import Metrics
from wirewatch.outlet import Outlet
from wirewatch.pipelined import PipelinedWorker
from wirewatch.records import Article, Mentions
from wirewatch.settings import Settings, load
from wirewatch.stage import Context, PathStage, Received, Relay, Sink, Transform
from wirewatch.topics import ALERTS, ARTICLES, MENTIONS
from wirewatch.workers import Worker, group_of, open_worker

PARTITIONS = 2
RULES = RuleSet((Rule(id="any", severity="info", score_min=0.0),))
_ACTORS = ("nato", "iran", "islamic-state")
_TITLES = (
    "Talks on uranium enrichment resume in Vienna after long break",
    "Frigate collides with cargo vessel near Bornholm, three sailors hurt",
    "",
)
_STEPS_MAX = 60
_DRAIN_STEPS_MAX = 400
_NESTED_MAX = 3


@cache
def metrics() -> Metrics:
    """Shared by all runs: a thousand collectors cost more than a run."""
    return Metrics()


@cache
def settings() -> Settings:
    return load(partitions=PARTITIONS, seen_days=SEEN_DAYS, kafka_bootstrap_servers="", worker_job_documents=2)


class Member:
    """A process of one stage: it starts, steps, crashes, and starts again."""

    def __init__(self, name: str, stage: PathStage, world: World) -> None:
        self.name = name
        self._stage = stage
        self._world = world
        self._worker: Worker | None = None
        self.at_work = False

    def step(self) -> None:
        """One turn as the runner's, or what of it came before a crash."""
        world = self._world
        self.at_work = True
        try:
            if self._worker is None:
                context = Context(settings=settings(), metrics=metrics())
                broker: Broker = world.log  # type: ignore[assignment]
                self._worker = world.patiently(lambda: self._open(broker, context))
            worker = self._worker
            batch = world.patiently(lambda: worker.consumer.poll(0, 1 + world.chance.below(6)))
            if batch:
                world.note(lambda: f"{self.name}: {[(w.partition, m[0].offset, len(m)) for w, m in batch.items()]}")
                world.between()
                worker.process(batch)
            self._tend(worker)
        except Crash:
            world.note(lambda: f"{self.name}: crashed")
            self.die()
        finally:
            self.at_work = False

    def stop(self) -> None:
        """In order, as by SIGTERM, or what of it came before a crash."""
        self.at_work = True
        try:
            if self._worker is not None:
                self._world.note(lambda: f"{self.name}: stops")
                self._worker.finish()
                self._worker.close()
                self._worker = None
        except Crash:
            self.die()
        finally:
            self.at_work = False

    def _open(self, broker: Broker, context: Context) -> Worker:
        world, stage = self._world, self._stage
        if not isinstance(stage, Transform) or stage.apart is None:
            return open_worker(stage, broker, context, world)
        outlet = Outlet(stage.name, broker, context.metrics, world)
        return PipelinedWorker(
            stage, broker, context, world, outlet, lambda *_: SimPool(stage, _find_or_end, world.chance)
        )

    @staticmethod
    def _tend(worker: Worker) -> None:
        # The sink's goes by a clock that is not ours: what it finds, the start of the next run finds too.
        if isinstance(worker, PipelinedWorker):
            worker.tend()

    def die(self) -> None:
        """As by kill -9; half of the time the group takes a while to find out."""
        if self._worker is not None and self._world.chance.below(2):
            self.expel()
        self._worker = None

    def expel(self) -> None:
        """The group holds the member for dead, while it may be alive: then it is a zombie."""
        if self._worker is not None and not isinstance(self._stage, Relay):
            group = self._world.log.groups[group_of(self._stage)]
            group.expel(self._worker.consumer.membership().member)


class World:
    """Everything of one run. It is also the loop that the workers ask to be patient (see wirewatch.workers.Loop)."""

    outages = 0

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        self.chance = Chance(seed, trace)
        self.log = SimLog(PARTITIONS, self.chance, self.between)
        self.model = Model()
        self.expected = Expected()
        self._kept = self.model.copy()
        self._day = 0.0
        self._published = 0
        self._depth = 0
        sinks, transforms, relays = 1 + self.chance.below(3), 1 + self.chance.below(2), 1 + self.chance.below(2)
        self.members = [
            *(Member(f"actors {n}", self._transform(apart=self.chance.below(2) > 0), self) for n in range(transforms)),
            *(Member(f"counters {n}", self._sink(), self) for n in range(sinks)),
            *(Member(f"relay {n}", self._relay(), self) for n in range(relays)),
        ]
        for topic in (ARTICLES.name, MENTIONS.name):
            self.log.topic(topic)

    def run(self) -> None:
        """Raises Violation."""
        for _ in range(20 + self.chance.below(_STEPS_MAX - 20)):
            self._act()
        self._drain()
        self.expected.check(self.log, self.model)

    # What the workers ask of their loop

    def patiently(self, call: Callable[[], Any]) -> Any:
        while True:
            try:
                return call()
            except Transient:
                self.between()

    def commit(self, consumer: Consumer, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            self.patiently(lambda: consumer.commit(offsets))
        except Rebalanced:
            self.note(lambda: "the group has changed")

    def between(self) -> None:
        """Others run here, in the middle of what a member does: afterwards it may be a zombie."""
        if self._depth < _NESTED_MAX and self.chance.preempted():
            self._depth += 1
            self.note(lambda: "preempted (")
            for _ in range(1 + self.chance.below(6)):
                self._act()
            self.note(lambda: ") goes on")
            self._depth -= 1

    def note(self, what: Callable[[], str]) -> None:
        if self.chance.noting():
            self.chance.note("  " * self._depth + what())

    # The schedule

    def _act(self) -> None:
        draw = self.chance.below(100)
        if draw < 25:
            self._publish()
        elif draw < 29:
            self._kept = self.model.copy()
        elif draw < 32:
            self.note(lambda: "Redis loses its tail")
            self.model.restore(self._kept)
        elif draw < 36:
            self.chance.one_of(self.members).expel()
        elif draw < 38:
            self._free(Member.stop)
        elif draw < 41:
            self._day += self.chance.one_of((0.3, 1, 4))
        else:
            self._free(Member.step)

    def _free(self, do: Callable[[Member], None]) -> None:
        free = [member for member in self.members if not member.at_work]
        if free:
            do(self.chance.one_of(free))

    def _publish(self) -> None:
        """One more record on articles.v1: new, seen before, rejected by the stage or deadly to it, or no article."""
        at = NOON + timedelta(days=self._day)
        self.log.now_ms = int(at.timestamp() * 1000)
        kind, partition = self.chance.below(21), self.chance.below(PARTITIONS)
        number = self.chance.below(self._published) if kind < 4 and self._published else self._published
        self._published += 1
        partition = number % PARTITIONS
        value = b"\xff no article"
        if kind < 20:
            named = [each for n, each in enumerate(_ACTORS) if (number >> n) & 1]
            article = Article(
                id=f"a{number}",
                source="Wire",
                title=" ".join(named),
                text={18: "odd", 19: "deadly"}.get(kind, ""),
                first_seen=at,
                content_hash="",
                revision=1 + (kind == 0),
            )
            value = ARTICLES.encode(article)
        offset = len(self.log.topic(ARTICLES.name)[partition])
        self.note(lambda: f"published {partition}/{offset}: {value[:60]!r}")
        self.log.append(ARTICLES.name, partition, None, value, ())
        if kind < 18:
            self.expected.accepted(partition, f"a{number}", named, at, self.log.now_ms)
        else:
            self.expected.rejected(partition, offset, at)

    def _drain(self) -> None:
        """No more faults; every process is started anew; until nothing moves."""
        self.chance.calm = True
        self.note(lambda: "calm")
        for member in self.members:
            member.expel()
            member._worker = None
        for group in self.log.groups.values():
            group.members.clear()
            group.generation += 1
        for _ in range(_DRAIN_STEPS_MAX):
            before = self._progress()
            for member in self.members:
                member.step()
            if self._progress() == before:
                return
        raise Violation("never at rest")

    def _progress(self) -> object:
        lengths = {name: [len(own) for own in records] for name, records in self.log.records.items()}
        committed = [dict(group.committed) for group in self.log.groups.values()]
        generations = [group.generation for group in self.log.groups.values()]
        streams = [*(KEYS.outbox(partition) for partition in range(PARTITIONS)), KEYS.feed_inbox, KEYS.feed_sending]
        outboxes = [len(self.model.stream(name)) for name in streams]
        stored = [
            dict(self.model.data.get(KEYS.position(MENTIONS.name, partition), {})) for partition in range(PARTITIONS)
        ]
        return lengths, committed, generations, outboxes, stored

    # The stages: real but for what they find in a text, and for the clients of the servers

    def _client(self) -> SimClient:
        return SimClient(self.model, self.chance, self.between)

    def _transform(self, *, apart: bool) -> Transform[Article, Mentions]:
        return Transform(
            name="actors",
            summary="",
            reads=ARTICLES,
            writes=MENTIONS,
            open=lambda _: _find,
            mark=lambda marked: Mentions(
                status=marked.status, reason=marked.reason, received_ms=marked.message.timestamp_ms
            ),
            key=lambda record: record.article_id,
            dead_letters_undecodable=True,
            apart="of no use here" if apart else None,
        )

    def _sink(self) -> Sink[Any]:
        return Sink(
            name="counters",
            summary="",
            reads=(MENTIONS,),
            open=lambda _: RedisStore(
                self._client(), KEYS, settings(), metrics(), lambda found, now: matches(RULES, found, now)
            ),
        )

    def _relay(self) -> Relay[Any]:
        return Relay(
            name="relay",
            summary="",
            writes=ALERTS,
            open=lambda _: OutboxConsumer(self._client(), KEYS, settings(), metrics()),
        )


def _find(batch: Sequence[Received[Article]]) -> list[Mentions | Rejected]:
    return [
        Rejected("too-odd")
        if item.record.text in ("odd", "deadly")
        else mentions(
            item.record.id,
            *map(_actor, item.record.title.split()),
            sketch=_sketch(item.record.id),
            first_seen=item.record.first_seen,
            received_ms=item.message.timestamp_ms,
            revision=item.record.revision,
        )
        for item in batch
    ]


def _find_or_end(batch: Sequence[Received[Article]]) -> list[Mentions | Rejected]:
    """In a worker of its own, where a deadly article can do no more than end it."""
    if any(item.record.text == "deadly" for item in batch):
        raise WorkerEnds
    return _find(batch)


_actor = cache(actor)


@cache
def _sketch(article_id: str) -> str:
    """One of three texts: stories come about, also between partitions."""
    article = Article(
        id="", source="", title=_TITLES[sum(article_id.encode()) % 3], text="", first_seen=NOON, content_hash=""
    )
    return sketch(article)


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed came to: None where everything held."""

    seed: int
    violation: str | None


def simulate(seed: int, trace: Callable[[str], None] | None = None) -> Outcome:
    """One run, the same whenever it is asked for."""
    try:
        World(seed, trace).run()
    except (Violation, AssertionError) as wrong:
        return Outcome(seed, str(wrong) or type(wrong).__name__)
    return Outcome(seed, None)
