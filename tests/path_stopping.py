"""SIGTERM under load, on any broker: it ends in time, and at most one batch is done again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter

from tests.path_contract import Env
from wirewatch.broker import Admin, Broker, Message
from wirewatch.settings import Settings
from wirewatch.topics import ARTICLES, MENTIONS, specs

RECORDS = 4_000
_ARTICLE = (
    '{"id":"%s","source":"a.example","title":"NATO meets","text":"The allies of NATO meet. %s",'
    '"first_seen":"2026-01-01T00:00:00Z","content_hash":"0"}'
)
_SECONDS_MAX = 60


def _read(admin: Admin, topic: str) -> list[Message]:
    return [
        message
        for partition, (first, following) in admin.offsets(topic).items()
        for message in _all(admin, topic, partition, first, following)
    ]


def _all(admin: Admin, topic: str, partition: int, at: int, following: int) -> list[Message]:
    found: list[Message] = []
    while at < following and (messages := admin.read(topic, partition, at, 5_000)):
        found += messages
        at = messages[-1].offset + 1
    return found


def _held(admin: Admin, topic: str) -> int:
    return sum(following - first for first, following in admin.offsets(topic).values())


def _actors(env: Env) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "wirewatch", "consume", "actors"], env={**os.environ, **env})


def _until_held(admin: Admin, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS_MAX
    while _held(admin, MENTIONS.name) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stopping_under_load_redoes_at_most_one_batch(env: Env, settings: Settings, broker: Broker) -> None:
    """Stops the actors in the middle of their work, and starts them again. The topics must be new."""
    admin = broker.admin()
    admin.create_topics(specs(settings))
    producer = broker.producer()
    for n in range(RECORDS):
        producer.send(ARTICLES.name, (_ARTICLE % (f"{n:032x}", "Rain. " * 100)).encode(), key=b"%d" % n)
    producer.flush()
    producer.close()
    first = _actors(env)
    _until_held(admin, 1, first)
    first.terminate()
    assert first.wait(15) == 0  # the promise of DESIGN: 15 seconds
    assert _held(admin, MENTIONS.name) < RECORDS
    second = _actors(env)
    _until_held(admin, RECORDS, second)
    places = Counter((message.partition, message.header("src.offset")) for message in _read(admin, MENTIONS.name))
    while len(places) < RECORDS:
        _until_held(admin, places.total() + 1, second)
        places = Counter((message.partition, message.header("src.offset")) for message in _read(admin, MENTIONS.name))
    second.terminate()
    assert second.wait(15) == 0
    assert places.total() - len(places) <= settings.batch_messages_max
    admin.close()
