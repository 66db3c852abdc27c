"""Whoever dies, and whenever: each notification is put into the queue once, and none is missing. On real servers."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.delivery.groups import rank
from consumers.delivery.notification import Notification, ReceiverKeys
from consumers.delivery.notifier import Notifier, run_notifier
from consumers.delivery.notifier_store import NotifierStore
from consumers.delivery.receivers import Receivers
from consumers.delivery.receivers_in_use import ReceiversInUse
from consumers.keys import Keys
from consumers.life.store import LifeStore
from tests.consumers.delivery.making import after, alert, receiver
from tests.consumers.delivery.test_notifier import feed
from tests.redis_server import RedisServer, programs
from wirewatch.errors import StoreUnavailable
from wirewatch.metrics import Metrics
from wirewatch.records import Alert
from wirewatch.redis_client import Client, connect
from wirewatch.settings import load
from wirewatch.stage import Context

RECEIVERS = Receivers(
    receivers=(
        receiver(),
        receiver(id="slow", group_wait="30s", group_interval="1m"),
        receiver(id="grave", when={"severity_min": "critical"}),
    )
)
SEVERITIES = ("info", "info", "warning", "critical")


@dataclass
class Taken:
    """A sender that takes at once, and remembers what."""

    client: Client
    notifications: dict[str, list[Notification]] = field(default_factory=dict)

    def take(self, receiver_id: str) -> None:
        keys = ReceiverKeys("ww", receiver_id)
        for id_ in self.client.zrange(keys.key("queue"), 0, -1):
            data = self.client.hget(keys.key("notifications"), id_)
            with self.client.pipeline() as pipe:
                pipe.zrem(keys.key("queue"), id_)
                pipe.hdel(keys.key("notifications"), id_)
                pipe.hset(keys.key("sent"), id_, "{}")
                pipe.execute()
            self.notifications.setdefault(receiver_id, []).append(msgspec.json.decode(data, type=Notification))

    def check(self, came: dict[str, list[Alert]]) -> None:
        """``came``: per story the alerts that came. Each receiver was told each story once per severity at most, the
        worst it wants at last, and no notification twice."""
        for each in RECEIVERS.receivers:
            told = self.notifications.get(each.id, [])
            assert max(Counter(sent.id for sent in told).values(), default=1) == 1
            for story, alerts in came.items():
                of_story = [sent for sent in told if sent.alerts[0].story == story]
                worst = [max(rank(one.severity) for one in sent.alerts) for sent in of_story]
                wanted = [rank(one.severity) for one in alerts if one in each.when]
                assert worst == sorted(set(worst))
                assert worst[-1:] == ([max(wanted)] if wanted else [])
                assert [sent.number for sent in of_story] == list(range(len(of_story)))
                assert [sent.reason == "first" for sent in of_story] == [sent.number == 0 for sent in of_story]


class Dies(Exception):
    """Stands for kill -9."""


class Mortal(NotifierStore):
    """Dies before or behind the step that keeps a turn, or loses its answer."""

    fate = "lives"

    def keep(self, *arguments: Any) -> bool:
        fate, self.fate = self.fate, "lives"
        if fate == "dies before":
            raise Dies
        kept = super().keep(*arguments)
        if fate == "dies behind":
            raise Dies
        if fate == "answer lost":
            raise StoreUnavailable("the answer was lost")
        if fate == "asked twice":
            return super().keep(*arguments)
        return kept


FATES = ("lives", "lives", "dies before", "dies behind", "answer lost", "asked twice")
STEPS = st.one_of(
    st.tuples(st.just("comes"), st.integers(0, 3), st.sampled_from(SEVERITIES)),
    st.tuples(st.just("turns"), st.integers(0, 1), st.sampled_from(FATES)),
    st.tuples(st.sampled_from(("takes", "lease ends")), st.just(0), st.just("")),
    st.tuples(st.just("sleeps"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("passes"), st.integers(1, 60), st.just("")),
)


class World:
    """Two notifiers, a feed, a sender, and a clock."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.taken = Taken(client)
        self.came: dict[str, list[Alert]] = {}
        self.second = 0
        self._life = LifeStore(client, "ww")
        self._metrics = Metrics()
        self._lives = 0
        self._members = [self._born(), self._born()]
        self._members[0][1].turn(RECEIVERS, after())

    def _born(self) -> tuple[Mortal, Notifier]:
        self._lives += 1
        store = Mortal(self.client, Keys("ww"), f"life-{self._lives}")
        return store, Notifier(store, self._life, self._metrics)

    def happens(self, kind: str, number: int, word: str) -> None:
        match kind:
            case "comes":
                of_story = self.came.setdefault(f"s{number}", [])
                of_story.append(alert(f"a{number}-{len(of_story)}", story=f"s{number}", severity=word))
                feed(self.client, of_story[-1])
            case "passes":
                self.second += number
            case "lease ends":
                for each in RECEIVERS.receivers:
                    self.client.delete(ReceiverKeys("ww", each.id).key("notifier"))
            case "sleeps":  # so long that it must ask for its leases again
                notifier = self._members[number][1]
                notifier._leases = dict.fromkeys(notifier._leases, 0.0)
            case "takes":
                for each in RECEIVERS.receivers:
                    self.taken.take(each.id)
            case _:
                self._turns(number, word)

    def _turns(self, number: int, fate: str) -> None:
        store, notifier = self._members[number]
        store.fate = fate
        try:
            notifier.turn(RECEIVERS, after(seconds=self.second))
        except Dies:
            self._members[number] = self._born()
        except StoreUnavailable:
            pass
        store.fate = "lives"

    def ends(self) -> None:
        """One notifier is left, and has all the time it needs."""
        self.happens("lease ends", 0, "")
        _, last = self._born()
        for _ in range(5):
            self.second += 60
            while last.turn(RECEIVERS, after(seconds=self.second)):
                pass
        self.happens("takes", 0, "")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=30))
def test_any_schedule_of_faults_tells_each_story_once(redis_url: str, steps: list[tuple[str, int, str]]) -> None:
    client = connect(redis_url)
    client.flushall()
    world = World(client)
    for step in steps:
        world.happens(*step)
    world.ends()
    world.taken.check(world.came)
    client.close()


FILE = """receivers:
  - {id: desk, webhook: {url: "https://desk.example/", secret_file: x}}
  - {id: slow, webhook: {url: "https://slow.example/", secret_file: x}, group_wait: 1s, group_interval: 1s}
  - {id: grave, webhook: {url: "https://grave.example/", secret_file: x}, when: {severity_min: critical}}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(programs()["valkey"], tmp_path).start()
    yield server
    server.stop()


def started(url: str, file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.consumers.delivery.test_notifier_faults"],
        env={**os.environ, "REDIS_URL": url, "WIREWATCH_RECEIVERS": str(file), "WIREWATCH_DELIVERY_LEASE_SECONDS": "2"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


@pytest.mark.timeout(300)
def test_killed_notifiers_tell_each_story_once(server: RedisServer, tmp_path: Path) -> None:
    file, chance = tmp_path / "receivers.yaml", random.Random(11)
    file.write_text(FILE)
    client = connect(server.url)
    taken, came = Taken(client), dict[str, list[Alert]]()
    running = [started(server.url, file) for _ in range(2)]
    try:
        wait_for(lambda: all(client.exists(ReceiverKeys("ww", each.id).key("cursor")) for each in RECEIVERS.receivers))
        for n in range(400):
            story = f"s{n // 100}-{chance.randrange(40)}"
            of_story = came.setdefault(story, [])
            of_story.append(alert(f"a-{story}-{len(of_story)}", story=story, severity=chance.choice(SEVERITIES)))
            feed(client, of_story[-1])
            if n % 200 == 100:
                holder = chance.randrange(2)
                running[holder].kill()
                running[holder].communicate()
                running[holder] = started(server.url, file)
            for each in RECEIVERS.receivers:
                taken.take(each.id)
        wait_for(lambda: all_told(client, taken, came))
        taken.check(came)
    finally:
        for process in running:
            process.kill()
            process.communicate()
        client.close()


def all_told(client: Client, taken: Taken, came: dict[str, list[Alert]]) -> bool:
    """Whether every receiver has read the feed, and no group of its is due soon."""
    newest = client.xrevrange(Keys("ww").feed, count=1)[0][0]
    done = True
    for each in RECEIVERS.receivers:
        taken.take(each.id)
        told = {sent.alerts[0].story for sent in taken.notifications.get(each.id, [])}
        wanted = {story for story, alerts in came.items() if any(one in each.when for one in alerts)}
        at_end = client.get(ReceiverKeys("ww", each.id).key("cursor")) == newest
        done = done and at_end and told == wanted and not waiting(client, each.id)
    return done


def waiting(client: Client, receiver_id: str) -> bool:
    """Whether a group of the receiver is due within a minute."""
    look = client.zrange(ReceiverKeys("ww", receiver_id).key("look"), 0, 0, withscores=True)
    return bool(look) and look[0][1] < (time.time() + 60) * 1000


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        threading.Event().wait(0.05)


def main() -> None:
    settings = load()
    context = Context(settings=settings, metrics=Metrics())
    run_notifier(context, ReceiversInUse(settings), threading.Event())


if __name__ == "__main__":
    main()
