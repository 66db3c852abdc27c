"""Work in worker processes, driven by the runner over the real embedded log."""

from __future__ import annotations

import signal
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wirewatch.risky import RISKY
from tests.wirewatch.stages import (
    PARTITIONS,
    WAIT_SECONDS_MAX,
    alive_until,
    embedded,
    messages,
    program,
    publish_texts,
    running,
    source_offsets,
)
from wirewatch import dead_letters
from wirewatch.broker import Message, TopicPartition
from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.pipelined import _Entry, jobs, to_pause
from wirewatch.stage import group_of
from wirewatch.topics import ARTICLES, DEAD_LETTERS, MENTIONS

A, B, C = (TopicPartition("t", n) for n in range(3))


@pytest.mark.parametrize(
    ("held", "paused", "expected"),
    [
        ({A: 3.9, B: 3.9, C: 0.0}, set(), set()),
        ({A: 4.0, B: 3.9, C: 0.2}, set(), {A, B, C}),
        ({A: 2.0, B: 2.0, C: 0.2}, {A, B, C}, {A, B, C}),
        ({A: 1.9, B: 1.9, C: 0.0}, {A, B, C}, set()),
        ({A: 4.0, B: 0.0, C: 0.0}, set(), {A}),
        ({A: 2.0, B: 0.0, C: 0.0}, {A}, {A}),
        ({A: 1.9, B: 0.0, C: 0.0}, {A}, set()),
        ({}, {A}, set()),
    ],
    ids=["room", "full", "not half empty", "half empty", "one is slow", "still slow", "again", "nothing is ours"],
)
def test_who_is_paused(
    held: dict[TopicPartition, float], paused: set[TopicPartition], expected: set[TopicPartition]
) -> None:
    assert to_pause(held, frozenset(paused), 8.0) == expected


@given(st.lists(st.sampled_from((1 / 32, 0.5, 0.7, 1.0, 9.0)), max_size=100))
def test_jobs_hold_every_record_once_in_order_and_no_more_than_a_job(shares: list[float]) -> None:
    entries = [_Entry(Rejected("", ""), Message("t", 0, n, 0, None, b""), share) for n, share in enumerate(shares)]
    made = list(jobs(entries))
    assert [entry for job in made for entry in job] == entries
    assert all(len(job) == 1 or sum(entry.share for entry in job) <= 1.001 for job in made)
    assert all(job[0].share + sum(e.share for e in before) > 1 for before, job in pairwise(made))


@pytest.mark.parametrize(
    ("order", "reason", "why"),
    [
        ("die", "worker-crash", "exit code -9"),
        ("break me", "worker-crash", "KeyError: 'me'"),
        ("eat", "worker-crash", "MemoryError"),
        ("hang", "worker-timeout", "no answer within 1 seconds"),
    ],
)
def test_a_document_that_ends_its_worker_twice_is_dead_lettered_once_and_the_others_go_on(
    tmp_path: Path, order: str, reason: str, why: str
) -> None:
    broker = embedded(tmp_path)
    texts = ["text"] * 30
    texts[13] = order
    publish_texts(broker, texts)
    seconds = 1 if order == "hang" else 30
    with running(RISKY, broker, worker_processes=2, worker_job_seconds=seconds, worker_memory_bytes=1 << 29) as stage:
        stage.until(lambda: sum(map(len, source_offsets(broker, MENTIONS.name).values())) >= 30)
    assert source_offsets(broker, MENTIONS.name) == {p: list(range(10)) for p in range(PARTITIONS)}
    (letter,) = messages(broker, DEAD_LETTERS.name)
    told = dead_letters.parse_headers(letter)
    assert (told.reason, told.partition, told.offset, told.stage) == (reason, 1, 4, "risky")
    assert why in told.detail
    assert stage.value("worker_ends_total", reason=reason) == 3  # once in company, then twice alone
    assert stage.value("worker_documents_total") == 30


def test_what_the_stage_rejects_or_cannot_decode_keeps_its_place_in_the_order(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    publish_texts(broker, ["text", "odd", "text"], partition=0)
    with closing(broker.producer()) as producer:
        producer.send(ARTICLES.name, b"nonsense", partition=0)
    publish_texts(broker, ["text"], partition=0)
    with running(RISKY, broker, worker_processes=1) as stage:
        stage.until(lambda: len(messages(broker, MENTIONS.name)) >= 5)
    written = messages(broker, MENTIONS.name)
    assert [decode(MENTIONS, m.value).status for m in written] == ["none", "dlq", "none", "dlq", "none"]
    assert source_offsets(broker, MENTIONS.name) == {0: [0, 1, 2, 3, 4]}
    reasons = {dead_letters.parse_headers(m).reason for m in messages(broker, DEAD_LETTERS.name)}
    assert reasons == {"too-odd", "undecodable"}


def test_a_slow_record_holds_up_its_own_partition_and_the_order_is_kept(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    gate = tmp_path / "gate"
    publish_texts(broker, [f"wait {gate}", *["text"] * 29])
    with running(RISKY, broker, worker_processes=2, worker_job_documents=1) as stage:
        stage.until(lambda: sum(map(len, source_offsets(broker, MENTIONS.name).values())) == 20)
        assert set(source_offsets(broker, MENTIONS.name)) == {1, 2}
        gate.touch()
        stage.until(lambda: sum(map(len, source_offsets(broker, MENTIONS.name).values())) == 30)
    assert source_offsets(broker, MENTIONS.name) == {p: list(range(10)) for p in range(PARTITIONS)}


def test_work_under_way_is_bounded_and_polling_goes_on_while_the_workers_are_busy(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    gate = tmp_path / "gate"
    publish_texts(broker, [f"wait {gate}"] * 300)
    with running(RISKY, broker, worker_processes=2, worker_job_documents=4, batch_messages_max=10) as stage:

        def consumed() -> float:
            return stage.value("kafka_messages_consumed_total", topic=ARTICLES.name)

        bound = 4 * 2 * 4 + 10  # jobs per worker, workers, documents, and what one poll gives on top
        stage.until(lambda: consumed() >= bound - 20)
        before = stage.turns
        stage.until(lambda: stage.turns > before + 30)
        assert consumed() <= bound
        gate.touch()
        stage.until(lambda: sum(map(len, source_offsets(broker, MENTIONS.name).values())) == 300)
    assert source_offsets(broker, MENTIONS.name) == {p: list(range(100)) for p in range(PARTITIONS)}


def test_work_under_way_for_a_partition_that_moved_away_is_dropped(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    gate = tmp_path / "gate"
    publish_texts(broker, [f"wait {gate}"] * 30)
    with running(RISKY, broker, worker_processes=1) as stage:
        stage.until(lambda: stage.value("kafka_messages_consumed_total", topic=ARTICLES.name) == 30)
        with closing(broker.consumer(group_of(RISKY), [ARTICLES.name])) as other:
            stage.until(lambda: other.poll(0.05, 1) is not None and len(other.assignment()) in (1, 2))
            moved = {where.partition for where in other.assignment()}
            stage.until(lambda: stage.value("kafka_rebalances_total", event="revoked") > 0)
            gate.touch()
            kept = 10 * (PARTITIONS - len(moved))
            stage.until(lambda: sum(map(len, source_offsets(broker, MENTIONS.name).values())) == kept)
            assert not moved & source_offsets(broker, MENTIONS.name).keys()
        stage.until(lambda: sum(map(len, source_offsets(broker, MENTIONS.name).values())) == 30)
    assert source_offsets(broker, MENTIONS.name) == {p: list(range(10)) for p in range(PARTITIONS)}


def test_stopping_waits_for_no_document_that_hangs_and_what_it_held_is_done_by_the_next(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    gate = tmp_path / "gate"
    publish_texts(broker, [f"wait {gate}"] * 9)
    with running(RISKY, broker, worker_processes=1) as stage:
        stage.until(gate.with_suffix(".begun").exists)
    assert messages(broker, MENTIONS.name) == []
    gate.touch()
    with running(RISKY, broker, worker_processes=1) as stage:
        stage.until(lambda: len(messages(broker, MENTIONS.name)) == 9)
    assert messages(broker, DEAD_LETTERS.name) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_parent_that_ends_leaves_no_worker_behind_not_even_one_that_hangs(
    tmp_path: Path, how: signal.Signals
) -> None:
    broker = embedded(tmp_path)
    publish_texts(broker, ["hang"] * 9)
    env = {
        "WIREWATCH_DATA_DIR": str(tmp_path),
        "WIREWATCH_WORKER_PROCESSES": "2",
        "WIREWATCH_WORKER_JOB_DOCUMENTS": "1",
    }
    with program("tests.wirewatch.risky", "risky", env=env) as parent:
        alive_until(lambda: len(psutil.Process(parent.pid).children()) == 2, parent)
        children = psutil.Process(parent.pid).children()
        parent.send_signal(how)
        assert not psutil.wait_procs(children, timeout=WAIT_SECONDS_MAX)[1]
        assert parent.wait(WAIT_SECONDS_MAX) == (0 if how == signal.SIGTERM else -how)


def test_asked_to_stop_under_load_it_does_no_batch_twice(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    publish_texts(broker, ["text"] * 3_000)
    env = {"WIREWATCH_DATA_DIR": str(tmp_path), "WIREWATCH_WORKER_PROCESSES": "1"}
    with program("tests.wirewatch.risky", "risky", env=env) as process:
        alive_until(lambda: messages(broker, MENTIONS.name), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    written = len(messages(broker, MENTIONS.name))
    assert written < 3_000
    with running(RISKY, broker, worker_processes=1) as stage:
        stage.until(lambda: sum(map(len, source_offsets(broker, MENTIONS.name).values())) >= 3_000)
    assert source_offsets(broker, MENTIONS.name) == {p: list(range(1_000)) for p in range(PARTITIONS)}
