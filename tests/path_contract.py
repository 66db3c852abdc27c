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
from pathlib import Path
from typing import Any

import spacy

from consumers.recognise import compile_watchlist, recognise
from consumers.stages import PATH
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
    process = subprocess.Popen([sys.executable, "-m", "wirewatch", "consume", *PATH], env={**os.environ, **env})
    try:
        yield
        assert process.poll() is None, "the stages ended by themselves"
    finally:
        process.terminate()
        assert process.wait(60) == 0


def wait_until_settled(settings: Settings) -> None:
    """Until every record has gone the whole way."""
    path = ArticlePath(list(PATH.values()), settings)
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


def pipelines(folder: Path) -> Path:
    """A Dutch and an English spaCy pipeline that know one organisation, as an operator would mount them."""
    folder.mkdir()
    for language, name in (("nl", "NAVO"), ("en", "NATO")):
        nlp = spacy.blank(language)
        ruler = nlp.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": "ORG", "pattern": word} for word in (name, "NATO")])  # type: ignore[attr-defined]
        nlp.to_disk(folder / language)
    return folder


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
                told = [article["article_id"] for alert in alerts for article in alert["articles"]]
                assert sorted(told) == sorted(naming)
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
        letters = [x for x in lines(wirewatch(env, "dlq", "list", "--json")) if x["stage"] == "actors"]
        (mine,) = [x for x in letters if wirewatch(env, "dlq", "show", "--raw", x["id"]).encode() == garbage]
        assert (mine["reason"], mine["stage"], mine["topic"]) == ("undecodable", "actors", ARTICLES.name)

    def test_verify_finds_spoilt_counters_and_rebuild_mends_them_without_raising_an_alert_again(
        self, env: Env, settings: Settings
    ) -> None:
        """Every counter, of actors and of entities, is emptied and replayed to the same value."""
        wirewatch(env, "topics", "create")
        with stages(env):
            wirewatch(env, "publish", "seeds/articles", code=1)
            wait_until_settled(settings)
            before, alerts = counters(env), wirewatch(env, "alerts", "--json", "--limit", "1000")
            held = self._held(settings)
            assert {"hour", "actors", "labels", "names"} <= {key.split(":")[2] for key in held}
            raised = self._written(settings)
            assert "no difference" in wirewatch(env, "verify")
            self._spoil(settings)
            differences = json.loads(wirewatch(env, "verify", "--json", code=1))["differences"]
            assert {d["family"] for d in differences} == {"hour", "names"}
            assert all(d["redis"] == d["log"] + 5 for d in differences)
            assert "(ORG)" in wirewatch(env, "verify", code=1)
            wirewatch(env, "rebuild", "counters", code=1)  # nobody is there to confirm
            wirewatch(env, "rebuild", "counters", "--yes")
            assert "no difference" in wirewatch(env, "verify")
            assert counters(env) == before
            assert self._held(settings) == held
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
    def _held(settings: Settings) -> dict[str, dict[str, float]]:
        """Every counter as it stands in Redis."""
        client = connect(settings.redis_url.get_secret_value())
        keys = [key for tag in "me" for key in client.scan_iter(f"ww:{{{tag}*") if key.count(":") > 2]
        read: dict[str, Any] = {
            "hash": client.hgetall,
            "zset": lambda key: dict(client.zrange(key, 0, -1, withscores=True)),
            "set": lambda key: dict.fromkeys(client.smembers(key), 1),
        }
        held = {key: {name: float(n) for name, n in read[client.type(key)](key).items()} for key in keys}
        client.close()
        return held

    @staticmethod
    def _spoil(settings: Settings) -> None:
        client = connect(settings.redis_url.get_secret_value())
        hours = next(iter(client.scan_iter("ww:{m*}:hour:*")))
        client.hincrby(hours, client.hkeys(hours)[0], 5)
        names = next(iter(client.scan_iter("ww:{e*}:names:*")))
        client.zincrby(names, 5, client.zrange(names, 0, 0)[0])
        client.close()

    @staticmethod
    def _put(broker: Broker, value: bytes) -> None:
        producer = broker.producer()
        producer.send(ARTICLES.name, value, key=b"garbage")
        producer.close()
