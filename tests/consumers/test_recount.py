"""The recount of ``wirewatch verify`` agrees with the counters, and tells of every single one that is spoilt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from consumers.counters import NAME_CHARS_MAX, PAIR_ACTORS_MAX
from consumers.recount import Difference, Recount, compare, read_stored
from consumers.rules import RuleSet
from tests.consumers.making import E0, KEYS, M0, NOON, actor, days_later, entities, mentions, store
from wirewatch.broker import Message, TopicPartition
from wirewatch.redis_client import Client, connect
from wirewatch.stage import Received
from wirewatch.topics import ENTITIES, MENTIONS, Topic

SEEN_DAYS = 7
DAY = NOON.date()
TOPICS: dict[TopicPartition, Topic[Any]] = {M0: MENTIONS, E0: ENTITIES}


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


def counted(client: Client, where: TopicPartition, records: Sequence[Any]) -> Recount:
    """The records in the log and in the counters; the log's own count."""
    topic = TOPICS[where]
    log = []
    for n, record in enumerate(records):
        header = (("src.offset", b"%d" % n),)
        log.append(Received(record, Message(*where, n, record.received_ms, None, topic.encode(record), header)))
    store(client, seen_days=SEEN_DAYS).apply(where, 0, len(log), log)
    recount = Recount(topic, RuleSet(), SEEN_DAYS)
    recount.add(item.message for item in log)
    return recount


def differences(client: Client, where: TopicPartition, recount: Recount) -> list[Difference]:
    stored = read_stored(client, KEYS, where, recount.counts)
    return compare(where, recount, stored, since=None, counters_days=90, now=NOON)


names = st.sampled_from(("NATO", "Den  Haag", "عمان", "x" * (NAME_CHARS_MAX + 5), " ", "[red]", "a:b", "{m0}"))
labels = st.sampled_from(("ORG", "GPE", "a:b"))
moments = st.sampled_from((NOON, NOON + timedelta(hours=3), days_later(1)))
found_entities = st.builds(
    lambda n, named, at: entities(f"a{n}", *named, first_seen=at),
    st.integers(0, 5),
    st.lists(st.tuples(labels, names), max_size=4),
    moments,
)
found_mentions = st.builds(
    lambda n, actors, at, source, language: mentions(f"a{n}", *actors, first_seen=at, source=source, language=language),
    st.integers(0, 5),
    st.lists(st.integers(0, PAIR_ACTORS_MAX + 2).map(lambda n: actor(f"actor-{n}", count=1 + n % 3)), max_size=18),
    moments,
    st.sampled_from(("Wire", "", "s" * 300)),
    st.sampled_from(("nl", None)),
)


@hypothesis(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(found_mentions, max_size=6), st.lists(found_entities, max_size=6))
def test_whatever_was_counted_the_recount_finds_the_same(
    client: Client, of_actors: list[Any], of_entities: list[Any]
) -> None:
    client.flushall()
    for where, records in ((M0, of_actors), (E0, of_entities)):
        if records:
            assert differences(client, where, counted(client, where, records)) == []


def test_every_count_that_is_spoilt_is_told_by_itself(client: Client) -> None:
    recounts = {
        M0: counted(client, M0, [mentions("a1", actor("nato", count=2), "iran"), mentions("a2")]),
        E0: counted(client, E0, [entities("a1", ("ORG", "NATO"), ("GPE", "Iran")), entities("a2", ("ORG", "NATO"))]),
    }
    spoilt = 0
    for key in sorted(client.scan_iter("ww:*")):
        where = M0 if "{m0}" in key else E0
        kind = client.type(key)
        if kind == "set" or key.endswith(":off"):
            continue
        for field in client.hkeys(key) if kind == "hash" else client.zrange(key, 0, -1):
            change = client.hincrby if kind == "hash" else lambda name, member, by: client.zincrby(name, by, member)
            change(key, field, 5)
            (difference,) = differences(client, where, recounts[where])
            assert difference.redis == difference.log + 5
            assert difference.of + difference.name
            change(key, field, -5)
            spoilt += 1
    assert spoilt == 8 + 2 + 2 + 2 + 1 + 1 + 2 - 4 + 1 + 2 + 2


def test_a_difference_of_an_entity_names_it_with_its_kind_and_day(client: Client) -> None:
    recount = counted(client, E0, [entities("a1", ("ORG", "NATO")), entities("a2", ("ORG", "NATO"))])
    key = f"ww:{{e0}}:names:{DAY:%Y%m%d}:ORG"
    client.zrem(key, "NATO")
    client.zadd(key, {"Naxos": 1})
    lost, surplus = differences(client, E0, recount)
    assert lost == Difference(ENTITIES.name, 0, DAY, None, "names", "ORG", "NATO", 2, 0)
    assert surplus == Difference(ENTITIES.name, 0, DAY, None, "names", "ORG", "Naxos", 0, 1)
