"""Driving stages over the real embedded log: publishing, running until a condition holds, reading what came out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wirewatch import runner
from wirewatch.broker import Broker, Message, TopicPartition, TopicSpec
from wirewatch.errors import StoreUnavailable
from wirewatch.metrics import Metrics
from wirewatch.records import Article
from wirewatch.settings import Settings
from wirewatch.sqlite_broker import SqliteBroker
from wirewatch.stage import Context, Stage
from wirewatch.topics import ARTICLES, DEAD_LETTERS, ENTITIES, MENTIONS
from wirewatch.transforming import SOURCE_OFFSET

PARTITIONS = 3
WAIT_SECONDS_MAX = 60.0
_LOOK_SECONDS = 0.01  # between two looks: the other tests need the processor
_ROOT = Path(__file__).resolve().parents[2]


class AwayStore:
    """A store that never answers."""

    def positions(self, _: frozenset[TopicPartition], /) -> Mapping[TopicPartition, int]:
        raise StoreUnavailable("away")

    def claim(self, *_: object, force: bool = False) -> bool:  # noqa: ARG002
        raise StoreUnavailable("away")

    def apply(self, *_: object) -> int:
        raise StoreUnavailable("away")

    def close(self) -> None:
        """Nothing to close."""


def an_article(n: int, text: str, language: str | None = None) -> Article:
    return Article(
        id=f"{n:032x}",
        source="test",
        title=f"title {n}",
        text=text,
        language=language,
        first_seen=datetime(2026, 1, 1, tzinfo=UTC),
        content_hash="0",
    )


def embedded(folder: Path, partitions: int = PARTITIONS) -> SqliteBroker:
    """The log of data folder ``folder``, with its topics."""
    broker = SqliteBroker(folder / "log.sqlite3")
    with closing(broker.admin()) as admin:
        admin.create_topics(TopicSpec(t.name, partitions, -1) for t in (ARTICLES, MENTIONS, ENTITIES, DEAD_LETTERS))
    return broker


def publish_texts(
    broker: Broker, texts: Sequence[str], partition: int | None = None, language: str | None = None
) -> None:
    """One article per text, in turn over the partitions, or all in one."""
    with closing(broker.producer()) as producer:
        for n, text in enumerate(texts):
            where = n % PARTITIONS if partition is None else partition
            producer.send(ARTICLES.name, ARTICLES.encode(an_article(n, text, language)), partition=where)
        producer.flush()


def messages(broker: Broker, topic: str) -> list[Message]:
    """All of a topic, partition by partition."""
    with closing(broker.admin()) as admin:
        return [m for p in sorted(admin.offsets(topic)) for m in admin.read(topic, p, 0, 100_000)]


def source_offsets(broker: Broker, topic: str) -> dict[int, list[int]]:
    """Per partition the source offsets in the order in which their outputs were written."""
    found: dict[int, list[int]] = {}
    for message in messages(broker, topic):
        found.setdefault(message.partition, []).append(int(message.header(SOURCE_OFFSET) or -1))
    return found


class Running:
    """A stage that runs on a thread."""

    def __init__(self, stage: Stage, broker: Broker, settings: Settings) -> None:
        self.metrics = Metrics()
        self.stop = threading.Event()
        self.turns = 0
        self._faults: list[BaseException] = []
        context = Context(settings=settings, metrics=self.metrics)
        self._thread = threading.Thread(target=self._body, args=(stage, broker, context))
        self._thread.start()

    def _body(self, stage: Stage, broker: Broker, context: Context) -> None:
        try:
            runner.run(stage, broker, context, self.stop, self._turned)
        except BaseException as fault:  # noqa: BLE001 - raised again on the test's thread
            self._faults.append(fault)

    def _turned(self) -> None:
        self.turns += 1

    def until(self, done: Callable[[], bool]) -> None:
        """Raises what the runner raised, and AssertionError when it does not get there."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not done():
            if self._faults:
                raise self._faults[0]
            assert time.monotonic() < deadline, "the stage did not get there"
            self.stop.wait(_LOOK_SECONDS)

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"wirewatch_{name}", labels) or 0.0

    def end(self) -> None:
        self.stop.set()
        self._thread.join(WAIT_SECONDS_MAX)
        assert not self._thread.is_alive(), "the stage did not stop"


@contextmanager
def running(stage: Stage, broker: Broker, **settings: object) -> Iterator[Running]:
    stage_ = Running(stage, broker, Settings(**settings))  # type: ignore[arg-type]
    try:
        yield stage_
    finally:
        stage_.end()


def alive_until(done: Callable[[], object], *processes: subprocess.Popen[Any]) -> None:
    """Look until it is done. AssertionError when one of the processes ends before."""
    while not done():
        assert [process.poll() for process in processes] == [None] * len(processes)
        time.sleep(_LOOK_SECONDS)


@contextmanager
def program(module: str, *arguments: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """``python -m module``, killed if the test leaves it."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=_ROOT,
        env={**os.environ, **env},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
