"""Redis loses its tail at any byte: counters, ids, outbox and position go back together, and a replay mends it.

A long run: `TAIL_CUTS=500 python -m pytest tests/consumers/test_cut_tails.py`.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from consumers.outbox import OutboxConsumer
from tests.consumers.making import KEYS, settings
from tests.consumers.member import SEEN_DAYS, Log, Member, seeded_log
from tests.consumers.oracle import Oracle, counted
from tests.redis_server import RedisServer, programs
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, connect

CUTS = int(os.environ.get("TAIL_CUTS", "40"))
_RECORDS = 120


def relay(client: Client) -> None:
    outbox = OutboxConsumer(client, KEYS, settings(), Metrics())
    for where, messages in outbox.poll(0.01, 20).items():
        outbox.commit({where: messages[-1].offset + 1})


def written(program: str, folder: Path, log: Log) -> Path:
    """The append-only file of a server that applied the whole log, and relayed some of its alerts."""
    folder.mkdir()
    server = RedisServer(program, folder).start()
    client = connect(server.url)
    member = Member(client, log)
    while not member.step(7):
        relay(client)
    client.close()
    server.stop()
    return max(folder.rglob("*.incr.aof"), key=lambda path: path.stat().st_size)


def alerts(client: Client) -> list[str]:
    """Matches in the feed and on their way to it; those that were just taken may be in two places."""
    entries = client.xrange(KEYS.feed_inbox) + client.xrange(KEYS.outbox(0))
    return sorted({*client.hkeys(KEYS.feed_matches), *(fields["id"] for _, fields in entries)})


@pytest.mark.timeout(0 if CUTS > 40 else 120)
@pytest.mark.parametrize("name", sorted(programs()))
def test_a_tail_that_is_cut_at_any_byte_is_mended_by_a_replay(name: str, tmp_path: Path) -> None:
    log = seeded_log(3, _RECORDS)
    whole = tmp_path / "whole"
    file = written(programs()[name], whole, log)
    size = file.stat().st_size
    chance = random.Random(11)
    raised: list[str] = []
    for n in range(CUTS):
        folder = tmp_path / f"cut{n}"
        shutil.copytree(whole, folder)
        os.truncate(folder / file.relative_to(whole), chance.randrange(size))
        server = RedisServer(programs()[name], folder).start()
        try:
            client = connect(server.url)
            stands = int(client.hget(KEYS.position(*_where(log)), "next") or 0)
            assert counted(client) == dict(Oracle(log[:stands], SEEN_DAYS).counts)
            member = Member(client, log)
            while not member.step(20):
                relay(client)
            assert counted(client) == dict(Oracle(log, SEEN_DAYS).counts)
            raised = raised or alerts(client)
            assert alerts(client) == raised
            assert len(raised) > 10
            client.close()
        finally:
            server.stop()
        shutil.rmtree(folder)


def _where(log: Log) -> tuple[str, int]:
    return log[0].message.topic, log[0].message.partition
