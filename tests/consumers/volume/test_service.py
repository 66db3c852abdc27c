"""The service ``volume`` over real counters: what it raises, once, whoever dies and however many run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers.alert_feed import Wanted, read_page
from consumers.outbox import OutboxConsumer
from consumers.rule_file import load_rules
from consumers.volume.model import NewPair, SilentSource, Spike, VolumeRule
from consumers.volume.service import Evaluator, behind
from tests.consumers.making import KEYS, M0, NOON, log_of, mentions, settings, store
from tests.redis_server import RedisServer, programs
from wirewatch.metrics import Metrics
from wirewatch.records import Alert
from wirewatch.redis_client import Client, connect

RULES = load_rules().volume
SPIKE = Spike(id="spike", severity="warning")
WAIT_SECONDS_MAX = 60


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


class Counted:
    """Counts articles in partition 0: (how many hours before ``now``, how many, source, actors)."""

    def __init__(self, client: Client, now: datetime) -> None:
        self._client = client
        self._now = now
        self._log: list[Any] = []

    def add(self, hours_ago: float, count: int, *actors: str, source: str = "Wire") -> None:
        at = self._now - timedelta(hours=hours_ago)
        start = len(self._log)
        self._log += [mentions(f"a{start + n}", *actors, first_seen=at, source=source) for n in range(count)]

    def usual(self, days: int = 15) -> None:
        """A few articles about NATO an hour, from two sources."""
        for hours in range(1, days * 24):
            self.add(hours, 1 + hours % 3, "nato")
            self.add(hours, 1, source="Bote")

    def apply(self) -> None:
        done = int(self._client.hget(KEYS.position(*M0), "next") or 0)
        store(self._client).apply(M0, done, len(self._log), log_of(M0, self._log)[done:])


def evaluator(client: Client, rules: Sequence[VolumeRule] = RULES, **changes: Any) -> Evaluator:
    return Evaluator(client, settings(**changes), Metrics(), lambda: rules)


def outbox(client: Client) -> list[Alert]:
    return [msgspec.json.decode(f["alert"], type=Alert) for _, f in client.xrange(KEYS.volume_outbox)]


def test_a_spike_is_raised_once_and_told_in_plain_words(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.apply()
    service = evaluator(client)
    assert service.turn(NOON) is not None
    assert outbox(client) == []
    counted.add(0, 42, "nato")
    for _ in range(3):
        counted.apply()
        service.turn(NOON)
        counted.add(0, 1, "nato")
    (alert,) = outbox(client)
    assert (alert.kind, alert.rule, alert.severity, alert.story) == ("spike", "spike", "warning", "")
    assert [(actor.id, actor.mentions) for actor in alert.actors] == [("nato", 42)]
    assert alert.title == "NATO: 42 articles since 12:00 UTC, 1 expected by 13:00"
    assert "14 days before had 1 on average and 1 at most" in alert.reason


def test_the_relay_brings_it_to_the_feed_as_it_is_without_a_story(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.add(0, 42, "nato")
    counted.apply()
    evaluator(client).turn(NOON)
    (raised,) = outbox(client)
    relay = OutboxConsumer(client, KEYS, settings(), Metrics())
    while batch := relay.poll(0.1, 100):
        relay.commit({where: messages[-1].offset + 1 for where, messages in batch.items()})
    assert outbox(client) == []
    assert [fed.alert for fed in read_page(client, KEYS, Wanted(), limit=10).alerts] == [raised]


def test_a_spike_may_be_raised_again_after_it_was_over(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.add(0, 42, "nato")
    counted.add(-1, 2, "nato")
    counted.add(-2, 50, "nato")
    counted.add(-3, 1)
    counted.apply()
    service = evaluator(client, [SPIKE])
    reasons = []
    for hours in range(4):
        outcome = service.turn(NOON + timedelta(hours=hours))
        assert outcome is not None
        reasons.append([reason for (_, reason), times in outcome.reasons.items() for _ in range(times)])
    assert reasons == [
        ["below-minimum", "raised"],
        ["still-raised", "still-raised"],
        ["cleared", "raised"],
        ["still-raised", "still-raised"],
    ]
    assert [alert.title.split(",")[0] for alert in outbox(client)] == [
        "NATO: 42 articles since 12:00 UTC",
        "NATO: 50 articles since 14:00 UTC",
    ]


def test_an_hour_that_ended_before_anyone_looked_is_told_as_a_whole(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.add(1, 40, "nato")
    counted.add(0, 1)
    counted.apply()
    evaluator(client, [SPIKE]).turn(NOON)
    (alert,) = outbox(client)
    assert alert.title == "NATO: 42 articles in the hour to 12:00 UTC, 2 expected"


def test_a_pair_is_new_until_it_was_told(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.add(2, 2, "nato", "iran")
    counted.apply()
    service = evaluator(client, [NewPair(id="pair", severity="info")])
    service.turn(NOON)
    service.turn(NOON + timedelta(hours=1))
    counted.add(-24, 3, "nato", "iran")
    counted.add(-72, 3, "nato", "iran")
    counted.apply()
    for hours in (24, 72):
        service.turn(NOON + timedelta(hours=hours))
    (alert,) = outbox(client)
    assert alert.title == "Iran and NATO: together in 2 articles, for the first time in 15 days"
    assert {actor.id for actor in alert.actors} == {"nato", "iran"}


def test_a_source_is_silent_whether_or_not_it_names_actors_and_it_is_told_once_for_each_silence(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.add(0, 1)
    for hours in range(1, 31):
        counted.add(-hours, 1)
        if hours == 14:
            counted.add(-hours, 1, source="Bote")
    counted.apply()
    service = evaluator(client, [SilentSource(id="silent", severity="info")])
    for hours in range(31):
        service.turn(NOON + timedelta(hours=hours))
    first, second = outbox(client)
    assert (first.source, first.kind, first.actors) == ("Bote", "silent-source", ())
    assert first.title == "Bote: no article for 6 h"
    assert first.reason.startswith("The last one came before 12:00 UTC on 02 March; by its own rhythm")
    # Its rhythm has become less certain.
    assert second.title == "Bote: no article for 9 h"
    assert first.id != second.id


def test_when_nothing_comes_from_anyone_no_source_is_called_silent(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.apply()
    service = evaluator(client)
    outcome = service.turn(NOON + timedelta(days=2))
    assert outcome is not None
    assert not outcome.alerts


def test_nothing_is_raised_while_the_counters_are_counted_again(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.apply()
    service = evaluator(client)
    assert service.turn(NOON) is not None
    client.hset(KEYS.position(*M0), "next", 10)
    assert service.turn(NOON) is None


@pytest.mark.parametrize(
    ("records", "mark", "now", "expected"),
    [
        (10, None, NOON, False),
        (10, (10, NOON), NOON, False),
        (9, (10, NOON), NOON, True),
        # A log that was made anew never comes to where the old one was.
        (9, (10, NOON - timedelta(hours=6)), NOON, False),
    ],
)
def test_the_counters_are_behind_when_they_stand_for_less_than_before(
    records: int, mark: tuple[int, datetime] | None, now: datetime, expected: bool
) -> None:
    assert behind(records, mark, now) is expected


def test_one_service_works_and_another_takes_over_without_raising_again(client: Client, redis_url: str) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.add(0, 42, "nato")
    counted.apply()
    first, second = evaluator(client), evaluator(connect(redis_url))
    second.desk._holder = "another"
    assert first.turn(NOON) is not None
    assert second.turn(NOON) is None
    first.desk.give_back()
    outcome = second.turn(NOON)
    assert outcome is not None
    assert outcome.reasons["spike", "still-raised"] == 2
    assert first.turn(NOON) is None
    assert len(outbox(client)) == 1


def test_who_has_lost_the_lease_writes_neither_the_alert_nor_that_it_is_open(client: Client) -> None:
    counted = Counted(client, NOON)
    counted.usual()
    counted.add(0, 42, "nato")
    counted.apply()
    service = evaluator(client)
    keep = service.desk.keep

    def late(outcome: Any) -> bool:
        client.set("ww:{volume}:lease", "another")
        return keep(outcome)

    service.desk.keep = late  # type: ignore[method-assign]
    assert service.turn(NOON) is None
    assert outbox(client) == []
    assert service.desk.opened() == {}


def test_services_that_are_killed_again_and_again_raise_each_alert_once(tmp_path: Path) -> None:
    server = RedisServer(next(iter(programs().values())), tmp_path).start()
    client = connect(server.url)
    chance = random.Random(20961124)
    now = datetime.now(UTC)
    counted = Counted(client, now)
    counted.usual()
    counted.add(0, 42, "nato")
    counted.add(0, 60, "iran")
    counted.apply()
    env = {**os.environ, "REDIS_URL": server.url, "WIREWATCH_PARTITIONS": "2", "WIREWATCH_VOLUME_SECONDS": "0.2"}
    running: list[subprocess.Popen[bytes]] = []
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    try:
        for kills in range(3):
            running += [_start(env) for _ in range(2 - len(running))]
            # The mark is written at the end of each turn: wait for one, then kill whoever.
            client.delete("ww:{volume}:mark")
            while not client.exists("ww:{volume}:mark"):
                assert time.monotonic() < deadline, "no service evaluates"
                time.sleep(0.01 * chance.random())
            if kills < 2:
                victim = running.pop(chance.randrange(2))
                victim.send_signal(signal.SIGKILL)
                victim.wait()
        assert sorted(alert.actors[0].id for alert in outbox(client)) == ["iran", "nato"]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)
        client.close()
        server.stop()


def _start(env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "wirewatch", "consume", "volume"], env=env, stderr=subprocess.DEVNULL
    )
