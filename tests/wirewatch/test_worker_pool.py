"""The pool of worker processes, by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.wirewatch.stages import WAIT_SECONDS_MAX, an_article
from wirewatch.broker import Message
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.topics import ARTICLES
from wirewatch.worker_pool.pool import Done, WorkerPool
from wirewatch.worker_pool.process import WorkersBroken, environment, shown_settings

LOOK_SECONDS = 0.005
RISKY = "tests.wirewatch.risky:RISKY"


def message(n: int, text: str = "text") -> Message:
    return Message(ARTICLES.name, 0, n, 0, None, ARTICLES.encode(an_article(n, text)))


@contextmanager
def pool(stage: str = RISKY, metrics: Metrics | None = None, **settings: object) -> Iterator[WorkerPool]:
    made = WorkerPool(stage, Settings(**settings), metrics or Metrics())  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def collect(made: WorkerPool, count: int) -> list[Done]:
    found: list[Done] = []
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while len(found) < count:
        assert time.monotonic() < deadline, "the workers did not answer"
        found += made.collect()
        time.sleep(LOOK_SECONDS)
    return found


def test_every_job_comes_back_once_with_one_result_per_message() -> None:
    with pool(worker_processes=2) as made:
        for n in range(20):
            made.submit(n, [message(n), message(n, "odd")])
        done = collect(made, 20)
    assert sorted(each.ticket for each in done) == list(range(20))
    assert {tuple(result.reason for result in each.results) for each in done} == {(None, "too-odd")}


def test_a_death_in_company_and_one_from_outside_convict_no_document(tmp_path: Path) -> None:
    with pool(worker_processes=1) as made:
        made.submit(0, [message(0), message(1, f"falter {tmp_path / 'deaths'}"), message(2)])
        (done,) = collect(made, 1)
    assert [result.reason for result in done.results] == [None, None, None]


def test_a_worker_is_replaced_after_its_share_of_documents() -> None:
    metrics = Metrics()
    with pool(metrics=metrics, worker_processes=1, worker_recycle_documents=3) as made:
        for n in range(4):
            made.submit(n, [message(n), message(n)])
        collect(made, 4)
    assert metrics.registry.get_sample_value("wirewatch_worker_ends_total", {"reason": "recycled"}) == 2


def test_no_more_processes_are_started_than_there_is_work_for() -> None:
    metrics = Metrics()
    with pool(metrics=metrics, worker_processes=8) as made:
        for n in range(5):
            made.submit(n, [message(n)])
            collect(made, 1)
        assert metrics.registry.get_sample_value("wirewatch_workers_alive") == 1


def test_workers_that_cannot_start_are_a_loud_error_with_their_last_words_and_no_documents_fault() -> None:
    with pool("tests.wirewatch.risky:NO_SUCH_STAGE", worker_processes=1) as made:
        made.submit(0, [message(0)])
        with pytest.raises(WorkersBroken, match="NO_SUCH_STAGE"):
            collect(made, 1)


def test_a_worker_sees_no_secret_and_uses_one_thread() -> None:
    settings = Settings(redis_url=SecretStr("redis://:secret@host"), kafka_sasl_password=SecretStr("secret"))
    assert "secret" not in str(shown_settings(settings))
    assert Settings(**shown_settings(settings)).partitions == settings.partitions
    ours = dict.fromkeys(("REDIS_URL", "KAFKA_SASL_PASSWORD", "WIREWATCH_CONFIG"), "secret")
    seen = environment(ours | {"PATH": "/bin"})
    assert seen["PATH"] == "/bin"
    assert not ours.keys() & seen.keys()
    assert seen["OMP_NUM_THREADS"] == "1"
