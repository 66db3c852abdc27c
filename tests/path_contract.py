"""The main job, end to end: articles in, alerts and counters out, with every stage a real process.

The same tests run over the embedded log (test_path.py) and over real Apache Kafka (live/test_kafka_path.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from consumers.recognise import compile_watchlist, recognise
from consumers.stages import STAGES
from consumers.watchlist_file import load_watchlist
from tests import seeds
from wirewatch.broker import Broker
from wirewatch.cli.path import ArticlePath, settled
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import Rejected
from wirewatch.records import Article
from wirewatch.redis_client import connect
from wirewatch.seeds import shipped
from wirewatch.settings import Settings
from wirewatch.topics import ALERTS, ARTICLES

WAIT_SECONDS_MAX = 100
Env = Mapping[str, str]


def wirewatch(env: Env, *arguments: str, code: int = 0) -> str:
    """What the command prints. The exit code must be ``code``."""
    done = subprocess.run(
        [sys.executable, "-m", "wirewatch", *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@contextmanager
def stages(env: Env) -> Iterator[None]:
    """Every stage as a process, stopped in order at the end."""
    process = subprocess.Popen([sys.executable, "-m", "wirewatch", "consume", *STAGES], env={**os.environ, **env})
    try:
        yield
        assert process.poll() is None, "the stages ended by themselves"
    finally:
        process.terminate()
        assert process.wait(60) == 0


def wait_until_settled(settings: Settings) -> None:
    """Until every record has gone the whole way."""
    path = ArticlePath(list(STAGES.values()), settings)
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    try:
        while not settled(found := path.reached()):
            assert time.monotonic() < deadline, f"not settled: {found}"
            time.sleep(0.1)
    finally:
        path.close()


def counters(env: Env) -> dict[str, tuple[int, int]]:
    """Articles and mentions by actor."""
    return {row["actor"]: (row["articles"], row["mentions"]) for row in lines(wirewatch(env, "counters", "--json"))}


def counted(env: Env) -> int:
    """Articles counted, whether they name an actor or not."""
    rows = lines(wirewatch(env, "counters", "--by", "total", "--json"))
    return sum(row["articles"] for row in rows if row["key"] in ("ok", "none"))


def oracle() -> tuple[dict[str, tuple[int, int]], set[str], int]:
    """From the samples alone: articles and mentions by actor, ids of articles that name one, rejected inputs."""
    recogniser = compile_watchlist(load_watchlist(shipped("watchlist.yaml")))
    outcomes = [item.outcome for _, item in seeds.items()]
    articles = {outcome.id: outcome for outcome in outcomes if isinstance(outcome, Article)}
    counted: Counter[str] = Counter()
    mentioned: Counter[str] = Counter()
    naming = set()
    for article in articles.values():
        for actor in recognise(article, recogniser).actors:
            counted[actor.id] += 1
            mentioned[actor.id] += len(actor.mentions)
            naming.add(article.id)
    rejected = sum(isinstance(outcome, Rejected) for outcome in outcomes)
    return {actor: (counted[actor], mentioned[actor]) for actor in counted}, naming, rejected


class PathContract:
    """Needs the fixtures ``env`` (what points the commands at the servers) and ``settings`` (the same, as a value)."""

    def test_the_samples_are_counted_once_and_raise_one_alert_each_however_often_they_are_published(
        self, env: Env, settings: Settings
    ) -> None:
        expected, naming, rejected = oracle()
        wirewatch(env, "topics", "create")
        with stages(env):
            for _ in range(2):
                wirewatch(
                    env, "publish", "seeds/articles", "seeds/feeds", code=1
                )  # 1: some samples are broken on purpose
                wait_until_settled(settings)
                assert counters(env) == expected
                alerts = lines(wirewatch(env, "alerts", "--json", "--limit", "1000"))
                assert len({alert["id"] for alert in alerts}) == len(alerts)
                assert {alert["article_id"] for alert in alerts} == naming
        letters = lines(wirewatch(env, "dlq", "list", "--json"))
        assert sum(letter["stage"] == "publish" for letter in letters) % rejected == 0

    def test_a_record_that_is_no_article_is_dead_lettered_and_the_next_one_is_counted(
        self, env: Env, settings: Settings
    ) -> None:
        wirewatch(env, "topics", "create")
        # It names no actor, so that the figures of the other test stay the same on a log that keeps it.
        good = {"source": "test", "title": "Rain", "text": f"It rained {time.time_ns()} drops."}
        with stages(env):
            wait_until_settled(settings)
            before = counted(env)
            garbage = f"\x00 no article {time.time_ns()}".encode()
            self._put(open_broker(settings), garbage)
            subprocess.run(
                [sys.executable, "-m", "wirewatch", "publish", "-", "--format", "jsonl"],
                env={**os.environ, **env},
                input=json.dumps(good).encode(),
                check=True,
                capture_output=True,
            )
            wait_until_settled(settings)
            assert counted(env) == before + 1
        letters = lines(wirewatch(env, "dlq", "list", "--json"))
        (mine,) = [x for x in letters if wirewatch(env, "dlq", "show", "--raw", x["id"]).encode() == garbage]
        assert (mine["reason"], mine["stage"], mine["topic"]) == ("undecodable", "actors", ARTICLES.name)

    def test_verify_finds_a_spoilt_counter_and_rebuild_mends_it_without_raising_an_alert_again(
        self, env: Env, settings: Settings
    ) -> None:
        wirewatch(env, "topics", "create")
        with stages(env):
            wirewatch(env, "publish", "seeds/articles", code=1)
            wait_until_settled(settings)
            before, alerts = counters(env), wirewatch(env, "alerts", "--json", "--limit", "1000")
            raised = self._written(settings)
            assert "no difference" in wirewatch(env, "verify")
            self._spoil(settings)
            (difference,) = json.loads(wirewatch(env, "verify", "--json", code=1))["differences"]
            assert difference["redis"] == difference["log"] + 5
            wirewatch(env, "rebuild", "counters", code=1)  # nobody is there to confirm
            wirewatch(env, "rebuild", "counters", "--yes")
            assert "no difference" in wirewatch(env, "verify")
            assert counters(env) == before
            wait_until_settled(settings)
            assert wirewatch(env, "alerts", "--json", "--limit", "1000") == alerts
            assert self._written(settings) == raised

    @staticmethod
    def _written(settings: Settings) -> int:
        admin = open_broker(settings).admin()
        try:
            return sum(end for _, end in admin.offsets(ALERTS.name).values())
        finally:
            admin.close()

    @staticmethod
    def _spoil(settings: Settings) -> None:
        client = connect(settings.redis_url.get_secret_value())
        key = next(iter(client.scan_iter("ww:{m*}:hour:*")))
        client.hincrby(key, client.hkeys(key)[0], 5)
        client.close()

    @staticmethod
    def _put(broker: Broker, value: bytes) -> None:
        producer = broker.producer()
        producer.send(ARTICLES.name, value, key=b"garbage")
        producer.close()
