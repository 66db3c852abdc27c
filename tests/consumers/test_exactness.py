"""Whatever crashes, repeats, is late or is lost: the counters equal the oracle's. On real servers."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consumers.making import M0, actor, days_later, mentions, received
from tests.consumers.member import SEEN_DAYS, Log, Member, seeded_log
from tests.consumers.oracle import Oracle, counted
from tests.redis_server import RedisServer, programs
from wirewatch.records import Mentions
from wirewatch.redis_client import Client, connect


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """A partition of mentions.v1 as stages that may die write it: a stretch of source offsets may come twice, but the
    first occurrences are in order; ids repeat; days pass."""
    log: Log = []
    made: list[Mentions] = []
    day = 0.0
    for _ in range(draw(st.integers(1, 12))):
        day += draw(st.sampled_from((0, 0, 0, 0.3, 1, 4)))
        actors = draw(st.lists(st.sampled_from(("nato", "iran", "islamic-state")), unique=True, max_size=3))
        found = [actor(each, count=draw(st.integers(1, 3))) for each in actors]
        status = draw(st.sampled_from((None, None, None, "skipped", "dlq")))
        made.append(
            mentions(
                f"a{draw(st.integers(0, 5))}",
                *(() if status else found),
                first_seen=days_later(day),
                source=draw(st.sampled_from(("Wire", "Bote"))),
                language=draw(st.sampled_from(("nl", None))),
                **({"status": status} if status else {}),
            )
        )
        log.append(received(M0, len(log), made[-1], len(made) - 1))
        if draw(st.integers(0, 4)) == 0:
            for src in range(max(0, len(made) - draw(st.integers(1, 3))), len(made)):
                log.append(received(M0, len(log), made[src], src))
    return log


class Tail:
    """The server's data at one moment, to which a crash may throw it back."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._dumps: dict[str, bytes] = {}
        self._raw = connect_raw(client)

    def keep(self) -> None:
        self._dumps = {key: self._raw.dump(key) for key in self._client.scan_iter()}

    def lose(self) -> None:
        self._client.flushall()
        for key, dump in self._dumps.items():
            self._raw.restore(key, 0, dump)


def connect_raw(client: Client) -> Client:
    """The same server, answering bytes."""
    pool = type(client.connection_pool)(**{**client.connection_pool.connection_kwargs, "decode_responses": False})
    return type(client)(connection_pool=pool)


ACTIONS = st.tuples(
    st.sampled_from(("apply", "apply", "lost answer", "crash", "keep", "lose tail")),
    st.integers(0, 2),
    st.integers(1, 5),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=logs(), schedule=st.lists(ACTIONS, max_size=25))
def test_any_schedule_of_faults_ends_with_the_oracles_counts(
    redis_url: str, log: Log, schedule: list[tuple[str, int, int]]
) -> None:
    client = connect(redis_url)
    client.flushall()
    tail = Tail(client)
    members = [Member(client, log) for _ in range(3)]
    for action, who, size in schedule:
        if action == "crash":
            members[who] = Member(client, log)
        elif action == "keep":
            tail.keep()
        elif action == "lose tail":
            tail.lose()
        else:
            members[who].step(size, lose_answer=action == "lost answer")
    # A member at the end of its log learns of a lost tail with the next record; one that starts learns at once.
    last = Member(client, log)
    while not last.step(4):
        pass
    oracle = Oracle(log, SEEN_DAYS)
    assert counted(client) == dict(oracle.counts)
    assert [place for place, _ in client.xrange("ww:{m0}:outbox")] == oracle.alerts
    client.close()


@pytest.mark.parametrize("name", sorted(programs()))
def test_killed_consumers_and_a_killed_server_leave_exact_counts(name: str, tmp_path: Path) -> None:
    seed = 7
    chance = random.Random(seed)
    server = RedisServer(programs()[name], tmp_path).start()
    rounds, finished = 0, False
    try:
        while not finished:
            rounds += 1
            consumer = subprocess.Popen(
                [sys.executable, "-m", "tests.consumers.member", server.url, str(seed)],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert consumer.stdout is not None
            lines_until_death = chance.randrange(1, 60) if rounds <= 4 else 10**9
            for number, line in enumerate(consumer.stdout):
                finished = line == "done\n"
                if number >= lines_until_death:
                    break
            if rounds in (2, 4) and not finished:
                server.kill()
                server.start()
            consumer.kill()
            consumer.communicate()
        client = connect(server.url)
        oracle = Oracle(seeded_log(seed), SEEN_DAYS)
        assert counted(client) == dict(oracle.counts)
        assert [place for place, _ in client.xrange("ww:{m0}:outbox")] == oracle.alerts
        assert rounds > 3
        client.close()
    finally:
        server.stop()
