"""A fault of ours that breaks every record stops the stage, before it has drained the topic into the dead letters."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.wirewatch.risky import RISKY
from tests.wirewatch.stages import PARTITIONS, Running, embedded, messages, program, publish_texts, running
from tests.wirewatch.test_runner import DictStore, a_sink
from wirewatch.broker import Message
from wirewatch.errors import EXIT_FAULTS, Rejected, TooManyFaults
from wirewatch.fault_limit import RECENT, FaultLimit, Limits, Reason, judge
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.stage import group_of
from wirewatch.topics import ARTICLES, DEAD_LETTERS, MENTIONS

LIMITS = Limits(in_a_row=3, among_recent=5)
OK, BAD = [False], [True]


@pytest.mark.parametrize(
    ("faults", "limits", "reason"),
    [
        ([], LIMITS, None),
        (BAD * 3, LIMITS, None),
        (BAD * 4, LIMITS, "faults-in-a-row"),
        (BAD * 3 + OK + BAD * 2, LIMITS, None),
        (BAD * 3 + OK + BAD * 3, LIMITS, "faults-among-recent"),
        (OK * 50 + BAD * 4 + OK * 50, LIMITS, "faults-in-a-row"),
        (BAD * 3 + OK * RECENT + BAD * 3, LIMITS, None),
        (BAD * 40, Limits(0, 0), None),
        (BAD * 40, Limits(0, 5), "faults-among-recent"),
        (BAD * 40, Limits(3, 0), "faults-in-a-row"),
    ],
    ids=[
        "nothing",
        "a few",
        "a row",
        "a few with one between",
        "many, none in a row",
        "a row in the middle",
        "long ago",
        "no limit",
        "no limit in a row",
        "no limit among recent",
    ],
)
def test_when_a_stage_must_stop(faults: list[bool], limits: Limits, reason: Reason | None) -> None:
    assert judge(faults, limits) == reason


def limit_of(settings: Settings) -> FaultLimit:
    return FaultLimit("test", settings, Metrics())


def message(n: int) -> Message:
    return Message(ARTICLES.name, n % PARTITIONS, n // PARTITIONS, 0, None, b"")


@pytest.mark.parametrize("seed", range(5))
def test_one_killer_in_a_hundred_and_short_runs_of_them_stop_nothing(seed: int) -> None:
    chance, limit, killer = random.Random(seed), limit_of(Settings()), Rejected("worker-crash", ours=True)
    outcomes: list[object] = []
    while len(outcomes) < 20_000:
        draw = chance.random()
        outcomes += [killer] if draw < 0.01 else [killer] * 5 if draw < 0.0105 else [None]
    for n, outcome in enumerate(outcomes):
        limit.admit([(message(n), outcome)])


def test_what_a_sender_did_wrong_stops_nothing_however_much_it_is() -> None:
    limit = limit_of(Settings())
    limit.admit((message(n), Rejected("undecodable")) for n in range(10_000))


def test_a_row_at_the_start_of_a_batch_that_is_longer_than_what_is_remembered_is_noticed() -> None:
    killer = Rejected("worker-crash", ours=True)
    with pytest.raises(TooManyFaults, match=r"more than 10 records in a row .*articles\.v1/1 offset 3"):
        limit_of(Settings()).admit((message(n), killer if n < 11 else None) for n in range(1_000))


def test_a_record_that_comes_again_is_one_fault() -> None:
    limit = limit_of(Settings())
    for _ in range(100):
        limit.admit([(message(1), Rejected("worker-crash", ours=True))])


def letters_and_position(stage: Running, folder: Path) -> tuple[int, int]:
    broker = embedded(folder)
    admin = broker.admin()
    try:
        return len(messages(broker, DEAD_LETTERS.name)), sum(admin.committed(group_of(RISKY), ARTICLES.name).values())
    finally:
        admin.close()


def test_a_stage_whose_every_record_ends_its_worker_stops_and_leaves_them_in_the_log(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    publish_texts(broker, ["text"] * 3 + ["break all"] * 5, partition=0)
    with (
        running(RISKY, broker, worker_processes=2, worker_job_documents=2, faults_in_a_row_max=3) as stage,
        pytest.raises(TooManyFaults, match=r"risky stops \(faults-in-a-row\): more than 3 records .*KeyError"),
    ):
        stage.until(lambda: False)
    letters, position = letters_and_position(stage, tmp_path)
    assert letters <= 3
    assert position == len(messages(broker, MENTIONS.name)) <= 3 + letters
    with running(RISKY, broker, worker_processes=2, faults_in_a_row_max=0, faults_recent_max=0) as stage:
        stage.until(lambda: len(messages(broker, MENTIONS.name)) == 8)
    assert len(messages(broker, DEAD_LETTERS.name)) == 5


def test_a_topic_of_ours_that_a_sink_cannot_read_stops_it(tmp_path: Path) -> None:
    broker = embedded(tmp_path)
    producer = broker.producer()
    for n in range(60):
        producer.send(MENTIONS.name, b"another version's record", partition=n % PARTITIONS)
    producer.close()
    store = DictStore()
    with running(a_sink(store), broker) as stage, pytest.raises(TooManyFaults):
        stage.until(lambda: False)
    assert store.next == {}
    assert messages(broker, DEAD_LETTERS.name) == []


def test_the_process_ends_with_a_code_of_its_own_and_one_line(tmp_path: Path, redis_url: str) -> None:
    producer = embedded(tmp_path).producer()
    for n in range(60):
        producer.send(MENTIONS.name, b"another version's record", partition=n % PARTITIONS)
    producer.close()
    env = {"WIREWATCH_DATA_DIR": str(tmp_path), "REDIS_URL": redis_url, "WIREWATCH_LOG_LEVEL": "error"}
    with program("wirewatch", "consume", "counters", env=env) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == EXIT_FAULTS
    (line,) = said.splitlines()
    assert "stage counters stops (faults-in-a-row)" in line
    assert "WIREWATCH_FAULTS_IN_A_ROW_MAX" in line
