"""The runner, driven over the real embedded log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wirewatch import dead_letters, runner
from wirewatch.broker import Membership, TopicPartition, TopicSpec
from wirewatch.errors import Rejected, StoreUnavailable
from wirewatch.metrics import Metrics
from wirewatch.records import Article, Mentions
from wirewatch.settings import Settings
from wirewatch.sqlite_broker import SqliteBroker
from wirewatch.stage import Context, Received, Sink, Stage, Transform
from wirewatch.topics import ARTICLES, DEAD_LETTERS, MENTIONS
from wirewatch.workers import RECORD_BYTES_MAX, SOURCE_OFFSET

PARTITIONS = 3
WAIT_SECONDS_MAX = 30


class BrokenCode(Exception):
    """A fault of ours, as far as the runner knows."""


def article(n: int, text: str = "text") -> Article:
    return Article(
        id=f"{n:032x}",
        source="test",
        title=f"title {n}",
        text=text,
        first_seen=datetime(2026, 1, 1, tzinfo=UTC),
        content_hash="0",
    )


def found(batch: Sequence[Received[Article]]) -> list[Mentions | Rejected]:
    return [
        Rejected("too-odd", "as asked")
        if item.record.text == "odd"
        else Mentions(status="none", article_id=item.record.id)
        for item in batch
    ]


def a_transform(
    apply: Callable[[Sequence[Received[Article]]], list[Mentions | Rejected]] = found, *, buries: bool = True
) -> Transform[Article, Mentions]:
    return Transform(
        name="test",
        summary="for tests",
        reads=ARTICLES,
        writes=MENTIONS,
        open=lambda _: apply,
        mark=lambda marked: Mentions(status=marked.status, reason=marked.reason),
        key=lambda record: record.article_id,
        dead_letters_undecodable=buries,
    )


class DictStore:
    """A store that keeps its position beside its data, as Redis does, and fails when it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.next: dict[TopicPartition, int] = {}
        self.ids: list[str | None] = []
        self.failures = failures
        self.lost_replies = 0

    def positions(self, partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {where: self.next[where] for where in partitions if where in self.next}

    def claim(self, partition: TopicPartition, owner: Membership, *, force: bool = False) -> bool:  # noqa: ARG002
        return True

    def apply(
        self, partition: TopicPartition, expected: int, following: int, batch: Sequence[Received[Mentions]]
    ) -> int:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("away")
        stored = self.next.get(partition, 0)
        if stored == expected:
            self.ids += [item.record.article_id for item in batch]
            self.next[partition] = following
        if self.lost_replies:
            self.lost_replies -= 1
            raise StoreUnavailable("the reply was lost")
        return self.next[partition]

    def close(self) -> None:
        """Nothing to close."""


def a_sink(store: DictStore) -> Sink[Mentions]:
    return Sink(name="sink", summary="for tests", reads=(MENTIONS,), open=lambda _: store)


@pytest.fixture
def broker(tmp_path: Path) -> SqliteBroker:
    broker = SqliteBroker(tmp_path / "log.sqlite3")
    admin = broker.admin()
    admin.create_topics(TopicSpec(t.name, PARTITIONS, -1) for t in (ARTICLES, MENTIONS, DEAD_LETTERS))
    admin.close()
    return broker


def publish(broker: SqliteBroker, topic: str, values: Sequence[bytes]) -> None:
    producer = broker.producer()
    for n, value in enumerate(values):
        producer.send(topic, value, key=b"%d" % n, partition=n % PARTITIONS)
    producer.close()


def end(broker: SqliteBroker, topic: str) -> int:
    admin = broker.admin()
    try:
        return sum(following for _, following in admin.offsets(topic).values())
    finally:
        admin.close()


def run_until(stage: Stage, broker: SqliteBroker, done: Callable[[], bool]) -> Metrics:
    """Run a stage on a thread until ``done``; raises what the runner raised."""
    stop = threading.Event()
    metrics = Metrics()
    faults: list[BaseException] = []

    def body() -> None:
        try:
            runner.run(stage, broker, Context(settings=Settings(), metrics=metrics), stop)
        except BrokenCode as fault:
            faults.append(fault)

    thread = threading.Thread(target=body)
    thread.start()
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    try:
        while thread.is_alive() and not done():
            assert time.monotonic() < deadline, "the stage did not get there"
            stop.wait(0.01)
    finally:
        stop.set()
        thread.join(WAIT_SECONDS_MAX)
    if faults:
        raise faults[0]
    return metrics


def outputs(broker: SqliteBroker, topic: str) -> dict[TopicPartition, list[tuple[int, bytes]]]:
    """Per partition the source offset and value of every record, in order."""
    admin = broker.admin()
    try:
        return {
            TopicPartition(topic, p): [
                (int(m.header(SOURCE_OFFSET) or -1), m.value) for m in admin.read(topic, p, 0, 10_000)
            ]
            for p in range(PARTITIONS)
        }
    finally:
        admin.close()


def test_every_source_record_gives_one_record_at_the_same_partition_in_order(broker: SqliteBroker) -> None:
    publish(broker, ARTICLES.name, [ARTICLES.encode(article(n)) for n in range(30)])
    run_until(a_transform(), broker, lambda: end(broker, MENTIONS.name) >= 30)
    for records in outputs(broker, MENTIONS.name).values():
        assert [offset for offset, _ in records] == list(range(10))


def test_an_undecodable_record_goes_to_the_dead_letters_with_its_origin_and_the_stage_goes_on(
    broker: SqliteBroker,
) -> None:
    good = ARTICLES.encode(article(1))
    publish(broker, ARTICLES.name, [b"\xff{", good, b'{"id": 3}', good])
    metrics = run_until(a_transform(), broker, lambda: end(broker, MENTIONS.name) >= 4)
    admin = broker.admin()
    letters = [m for p in range(PARTITIONS) for m in admin.read(DEAD_LETTERS.name, p, 0, 10)]
    admin.close()
    told = {letter.value: dead_letters.parse_headers(letter) for letter in letters}
    assert {value: (t.reason, t.stage, t.topic, t.partition, t.offset) for value, t in told.items()} == {
        b"\xff{": ("undecodable", "test", ARTICLES.name, 0, 0),
        b'{"id": 3}': ("invalid", "test", ARTICLES.name, 2, 0),
    }
    assert metrics.registry.get_sample_value(
        "wirewatch_stage_records_total", {"stage": "test", "outcome": "dlq"}
    ) == pytest.approx(2)


def test_a_record_that_the_stage_rejects_is_dead_lettered_and_leaves_a_marker(broker: SqliteBroker) -> None:
    publish(broker, ARTICLES.name, [ARTICLES.encode(article(1, "odd"))])
    run_until(a_transform(), broker, lambda: end(broker, MENTIONS.name) >= 1)
    assert end(broker, DEAD_LETTERS.name) == 1
    (marker,) = outputs(broker, MENTIONS.name)[TopicPartition(MENTIONS.name, 0)]
    assert b'"status":"dlq"' in marker[1]
    assert b'"reason":"too-odd"' in marker[1]


def test_a_second_reader_of_a_topic_marks_what_it_cannot_decode_without_a_second_letter(broker: SqliteBroker) -> None:
    publish(broker, ARTICLES.name, [b"nonsense"])
    run_until(a_transform(buries=False), broker, lambda: end(broker, MENTIONS.name) >= 1)
    assert end(broker, DEAD_LETTERS.name) == 0


def test_a_stage_that_dies_in_the_middle_repeats_its_batch_and_loses_nothing(broker: SqliteBroker) -> None:
    publish(broker, ARTICLES.name, [ARTICLES.encode(article(n)) for n in range(9)])

    def breaks(_: Sequence[Received[Article]]) -> list[Mentions | Rejected]:
        raise BrokenCode

    with pytest.raises(BrokenCode):
        run_until(a_transform(breaks), broker, lambda: False)
    run_until(a_transform(), broker, lambda: end(broker, MENTIONS.name) >= 9)
    for records in outputs(broker, MENTIONS.name).values():
        assert [offset for offset, _ in records] == [0, 1, 2]


def test_a_sink_reads_from_the_position_in_its_store_not_from_the_commit(broker: SqliteBroker) -> None:
    publish(broker, MENTIONS.name, [MENTIONS.encode(Mentions(status="none", article_id=str(n))) for n in range(9)])
    store = DictStore()
    run_until(a_sink(store), broker, lambda: len(store.ids) >= 9)
    rolled_back = DictStore()
    rolled_back.next = {where: following - 1 for where, following in store.next.items()}
    run_until(a_sink(rolled_back), broker, lambda: len(rolled_back.ids) >= 3)
    assert sorted(rolled_back.ids, key=str) == ["6", "7", "8"]


def test_a_store_that_is_away_for_a_while_loses_nothing_and_counts_nothing_twice(broker: SqliteBroker) -> None:
    publish(broker, MENTIONS.name, [MENTIONS.encode(Mentions(status="none", article_id=str(n))) for n in range(6)])
    store = DictStore(failures=3)
    store.lost_replies = 2
    run_until(a_sink(store), broker, lambda: len(store.next) == PARTITIONS)
    assert sorted(store.ids, key=str) == [str(n) for n in range(6)]


def test_a_store_that_stands_elsewhere_is_followed(broker: SqliteBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(broker, MENTIONS.name, [MENTIONS.encode(Mentions(status="none", article_id=str(n))) for n in range(3)])
    store = DictStore()
    hidden = TopicPartition(MENTIONS.name, 0)
    monkeypatch.setattr(store, "positions", lambda _: {})  # as if another process had applied in between
    store.next[hidden] = 1
    run_until(a_sink(store), broker, lambda: len(store.next) == PARTITIONS)
    assert sorted(store.ids, key=str) == ["1", "2"]


def test_a_tail_that_the_store_loses_is_applied_again_though_nothing_new_comes(broker: SqliteBroker) -> None:
    publish(broker, MENTIONS.name, [MENTIONS.encode(Mentions(status="none", article_id=str(n))) for n in range(9)])
    store = DictStore()
    lost = False

    def done() -> bool:
        nonlocal lost
        if not lost and len(store.ids) >= 9:
            lost = True
            store.ids = []
            store.next = {TopicPartition(MENTIONS.name, 0): 2, TopicPartition(MENTIONS.name, 1): 3}
        return lost and sum(store.next.values()) == 9

    run_until(a_sink(store), broker, done)
    assert sorted(store.ids, key=str) == ["2", "5", "6", "8"]


def test_a_stage_stops_at_once_while_it_waits_for_a_store(broker: SqliteBroker) -> None:
    publish(broker, MENTIONS.name, [MENTIONS.encode(Mentions(status="none"))])
    store = DictStore(failures=10**9)
    run_until(a_sink(store), broker, lambda: store.failures < 10**9)
    assert store.ids == []


def test_an_output_too_large_for_the_log_is_dead_lettered_and_the_next_one_is_written(broker: SqliteBroker) -> None:
    publish(broker, ARTICLES.name, [ARTICLES.encode(article(n)) for n in range(PARTITIONS)])

    def swollen(batch: Sequence[Received[Article]]) -> list[Mentions | Rejected]:
        return [
            Mentions(status="ok", article_id=item.record.id, title="x" * (RECORD_BYTES_MAX if n == 0 else 1))
            for n, item in enumerate(batch)
        ]

    run_until(a_transform(swollen), broker, lambda: end(broker, MENTIONS.name) >= PARTITIONS)
    values = [value for records in outputs(broker, MENTIONS.name).values() for _, value in records]
    assert sum(b'"reason":"record-too-large"' in value for value in values) == end(broker, DEAD_LETTERS.name) >= 1
    assert sum(b'"status":"ok"' in value for value in values) == PARTITIONS - end(broker, DEAD_LETTERS.name)


def test_the_metrics_say_what_the_member_does_and_how_far_it_is_behind(broker: SqliteBroker) -> None:
    publish(broker, ARTICLES.name, [ARTICLES.encode(article(n)) for n in range(30)])
    metrics = run_until(a_transform(), broker, lambda: end(broker, MENTIONS.name) >= 30)
    value = metrics.registry.get_sample_value
    assert value("wirewatch_kafka_messages_consumed_total", {"topic": ARTICLES.name}) == 30
    assert value("wirewatch_consumer_state", {"wirewatch_consumer_state": "stopped"}) == 1
    for name in ("wirewatch_kafka_consumer_lag_messages", "wirewatch_kafka_consumer_lag_seconds"):
        assert value(name, {"topic": ARTICLES.name, "partition": "0"}) == 0
