"""The outbox read like a log, and the feed behind it. On real servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from consumers.alert_feed import Wanted, read_page
from consumers.matching import matches
from consumers.outbox import OUTBOX, OutboxConsumer, to_offset, to_place
from consumers.rules import Rule, RuleSet
from tests.consumers.making import KEYS, M0, NOON, log_of, mentions, settings, store
from wirewatch.broker import Consumer, Message, TopicPartition
from wirewatch.metrics import Metrics
from wirewatch.records import Alert
from wirewatch.redis_client import Client, connect
from wirewatch.topics import MENTIONS

RULES = RuleSet((Rule(id="any", severity="warning"),))
M1 = TopicPartition(MENTIONS.name, 1)
OUT0, OUT1 = TopicPartition(OUTBOX, 0), TopicPartition(OUTBOX, 1)


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


def relay(client: Client, metrics: Metrics | None = None, **changes: int) -> OutboxConsumer:
    return OutboxConsumer(client, KEYS, settings(**changes), metrics or Metrics())


def raise_alerts(client: Client, where: TopicPartition, count: int, start: int = 0) -> None:
    records = [mentions(f"{where.partition}-{n}", "nato") for n in range(start + count)]
    member = store(client, lambda m, now: matches(RULES, m, now))
    member.apply(where, start, start + count, log_of(where, records)[start:])


def feed(client: Client) -> list[str]:
    """Articles of the alerts in the feed, oldest first."""
    page = read_page(client, KEYS, Wanted(), limit=10_000)
    return [fed.alert.article_id for fed in page.alerts][::-1]


def articles(messages: object) -> list[str]:
    assert isinstance(messages, (list, tuple))
    return [msgspec.json.decode(message.value, type=Alert).article_id for message in messages]


def test_it_is_a_consumer_as_the_runner_knows_them(client: Client) -> None:
    consumer: Consumer = relay(client)
    assert consumer.assignment() == {OUT0, OUT1}


def test_alerts_of_all_partitions_are_polled_in_order_and_each_once(client: Client) -> None:
    raise_alerts(client, M0, 3)
    raise_alerts(client, M1, 2)
    consumer = relay(client)
    batch = consumer.poll(0.1, 100)
    assert articles(batch[OUT0]) == ["0-0", "0-1", "0-2"]
    assert articles(batch[OUT1]) == ["1-0", "1-1"]
    assert consumer.poll(0.01, 100) == {}


def test_the_message_is_the_alert_with_its_id_as_key(client: Client) -> None:
    raise_alerts(client, M0, 1)
    (message,) = relay(client).poll(0.1, 1)[OUT0]
    alert = msgspec.json.decode(message.value, type=Alert)
    assert (message.key, message.offset) == (alert.id.encode(), to_offset("1-0"))


@pytest.mark.parametrize("most", [1, 2, 3, 5, 100])
def test_polls_of_any_size_miss_nothing_and_hold_to_their_limit(client: Client, most: int) -> None:
    raise_alerts(client, M0, 5)
    raise_alerts(client, M1, 4)
    consumer = relay(client)
    found: dict[TopicPartition, list[Message]] = {OUT0: [], OUT1: []}
    while batch := consumer.poll(0.01, most):
        assert sum(map(len, batch.values())) <= most
        for where, messages in batch.items():
            found[where] += messages
    assert articles(found[OUT0]) == [f"0-{n}" for n in range(5)]
    assert articles(found[OUT1]) == [f"1-{n}" for n in range(4)]


def test_a_poll_that_waits_is_woken_by_the_next_alert(client: Client, redis_url: str) -> None:
    found: list[object] = []
    waiter = threading.Thread(target=lambda: found.append(relay(connect(redis_url)).poll(30, 10)))
    waiter.start()
    raise_alerts(client, M0, 1)
    waiter.join(20)
    assert not waiter.is_alive()
    assert found[0] != {}


def test_committed_alerts_are_in_the_feed_and_gone_from_the_outbox(client: Client) -> None:
    raise_alerts(client, M0, 3)
    consumer = relay(client)
    messages = consumer.poll(0.1, 100)[OUT0]
    consumer.commit({OUT0: messages[1].offset + 1})
    assert feed(client) == ["0-0", "0-1"]
    assert sum(relay(client).lag().values()) == 1
    assert articles(relay(client).poll(0.1, 100)[OUT0]) == ["0-2"]


def test_what_was_polled_and_not_committed_is_polled_again_by_the_next_relay(client: Client) -> None:
    raise_alerts(client, M0, 2)
    first = relay(client).poll(0.1, 100)
    assert relay(client).poll(0.1, 100) == first


def test_seeking_back_repeats_alerts(client: Client) -> None:
    raise_alerts(client, M0, 3)
    consumer = relay(client)
    messages = consumer.poll(0.1, 100)[OUT0]
    consumer.seek(OUT0, messages[1].offset)
    assert consumer.poll(0.1, 100)[OUT0] == messages[1:]


def test_several_relays_at_once_put_each_alert_into_the_feed_once(client: Client) -> None:
    raise_alerts(client, M0, 4)
    first, second = relay(client), relay(client)
    slow, quick = first.poll(0.1, 100)[OUT0], second.poll(0.1, 100)[OUT0]
    second.commit({OUT0: quick[-1].offset + 1})
    raise_alerts(client, M0, 2, start=4)
    first.commit({OUT0: slow[1].offset + 1})
    first.commit({OUT0: slow[-1].offset + 1})
    later = first.poll(0.1, 100)[OUT0]
    first.commit({OUT0: later[-1].offset + 1})
    assert feed(client) == [f"0-{n}" for n in range(6)]
    assert sum(relay(client).lag().values()) == 0


def test_an_alert_that_a_replay_raises_again_is_in_the_feed_once(client: Client) -> None:
    raise_alerts(client, M0, 2)
    consumer = relay(client)
    consumer.commit({OUT0: consumer.poll(0.1, 100)[OUT0][-1].offset + 1})
    for key in client.scan_iter("ww:{m0}:*"):
        client.delete(key)
    raise_alerts(client, M0, 2)
    replayed = relay(client)
    replayed.commit({OUT0: replayed.poll(0.1, 100)[OUT0][-1].offset + 1})
    assert feed(client) == ["0-0", "0-1"]


def test_the_feed_keeps_the_newest_alerts_and_forgets_the_ids_of_the_rest(client: Client) -> None:
    raise_alerts(client, M0, 7)
    consumer = relay(client, alerts_kept=3)
    places = [message.offset for message in consumer.poll(0.1, 100)[OUT0]]
    consumer.commit({OUT0: places[3] + 1})
    consumer.commit({OUT0: places[6] + 1})
    assert feed(client) == ["0-4", "0-5", "0-6"]
    assert client.hlen(KEYS.feed_ids) == 3
    assert client.get(KEYS.feed_trimmed) < client.xrange(KEYS.feed, count=1)[0][0]


def test_metrics_tell_what_was_relayed_and_what_waits(client: Client) -> None:
    metrics = Metrics()
    raise_alerts(client, M0, 3)
    consumer = relay(client, metrics)
    messages = consumer.poll(0.1, 100)[OUT0]
    assert consumer.lag() == {OUT0: 3, OUT1: 0}
    value = metrics.registry.get_sample_value
    oldest = msgspec.json.decode(messages[0].value, type=Alert).raised.timestamp()
    assert value("wirewatch_outbox_oldest_timestamp_seconds") == oldest
    for _ in range(2):
        consumer.commit({OUT0: messages[-1].offset + 1})
    assert consumer.lag() == {OUT0: 0, OUT1: 0}
    assert value("wirewatch_outbox_oldest_timestamp_seconds") == 0
    assert value("wirewatch_alerts_emitted_total", {"severity": "warning"}) == 3
    assert value("wirewatch_ingest_to_alert_seconds_count") == 3
    assert value("wirewatch_publish_to_alert_seconds_count") == 0


def test_the_feeds_keys_lie_in_one_slot_of_a_cluster() -> None:
    assert len({key_slot(key.encode()) for key in (KEYS.feed, KEYS.feed_ids, KEYS.feed_trimmed)}) == 1


@given(st.integers(1, 2**52), st.integers(0, 1023))
def test_a_place_in_the_outbox_and_its_offset_are_the_same_thing(source: int, n: int) -> None:
    place = f"{source}-{n}"
    assert to_place(to_offset(place)) == place


@given(st.tuples(st.integers(1, 99), st.integers(0, 1023)), st.tuples(st.integers(1, 99), st.integers(0, 1023)))
def test_offsets_are_in_the_order_of_the_places(first: tuple[int, int], second: tuple[int, int]) -> None:
    offsets = [to_offset(f"{source}-{n}") for source, n in (first, second)]
    assert (offsets[0] < offsets[1]) == (first < second)


def test_the_alerts_of_an_article_published_in_the_past_are_timed_from_then(client: Client) -> None:
    metrics = Metrics()
    record = mentions("a", "nato", published=NOON.replace(year=2020))
    store(client, lambda m, now: matches(RULES, m, now)).apply(M0, 0, 1, log_of(M0, [record]))
    consumer = relay(client, metrics)
    consumer.commit({OUT0: consumer.poll(0.1, 1)[OUT0][0].offset + 1})
    assert (metrics.registry.get_sample_value("wirewatch_publish_to_alert_seconds_sum") or 0) > 86_400
