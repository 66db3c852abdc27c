"""The outbox read like a log, and the feed behind it. On real servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from consumers.alert_feed import Wanted, read_page
from consumers.matching import matches
from consumers.outbox import OUTBOX, OutboxConsumer, to_offset, to_place
from consumers.rules import Rule, RuleSet
from consumers.stories.sketch import sketch
from tests.consumers.making import KEYS, M0, NOON, log_of, mentions, settings, store
from wirewatch.broker import Consumer, TopicPartition
from wirewatch.metrics import Metrics
from wirewatch.records import Alert, Article
from wirewatch.redis_client import Client, connect
from wirewatch.topics import MENTIONS

RULES = RuleSet((Rule(id="any", severity="warning"),))
FEED_KEYS = (KEYS.feed, KEYS.feed_ids, KEYS.feed_trimmed, KEYS.feed_matches, KEYS.feed_of, KEYS.feed_inbox)
PLACES = st.tuples(st.integers(1, 99), st.integers(0, 2**20 - 1))
M1 = TopicPartition(MENTIONS.name, 1)


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


def drain(client: Client, **changes: int) -> list[Alert]:
    """What one relay sends until nothing is left."""
    consumer = relay(client, None, **changes)
    sent: list[Alert] = []
    while sum(consumer.lag().values()):
        for where, messages in consumer.poll(0.01, 100).items():
            sent += [msgspec.json.decode(message.value, type=Alert) for message in messages]
            consumer.commit({where: messages[-1].offset + 1})
    return sent


def articles(messages: object) -> list[str]:
    assert isinstance(messages, (list, tuple))
    return [msgspec.json.decode(message.value, type=Alert).article_id for message in messages]


def test_it_is_a_consumer_as_the_runner_knows_them(client: Client) -> None:
    consumer: Consumer = relay(client)
    assert consumer.assignment() == {OUTBOX}


def test_alerts_of_all_partitions_are_polled_in_order_and_each_once(client: Client) -> None:
    raise_alerts(client, M0, 3)
    raise_alerts(client, M1, 2)
    consumer = relay(client)
    batch = articles(consumer.poll(0.1, 100)[OUTBOX])
    assert [each for each in batch if each.startswith("0")] == ["0-0", "0-1", "0-2"]
    assert [each for each in batch if each.startswith("1")] == ["1-0", "1-1"]
    assert consumer.poll(0.01, 100) == {}


def test_the_message_is_the_alert_with_its_id_as_key(client: Client) -> None:
    raise_alerts(client, M0, 1)
    (message,) = relay(client).poll(0.1, 1)[OUTBOX]
    alert = msgspec.json.decode(message.value, type=Alert)
    assert message.key == alert.id.encode() != alert.match.encode()


@pytest.mark.parametrize("most", [1, 2, 3, 5, 100])
def test_polls_of_any_size_miss_nothing_and_hold_to_their_limit(client: Client, most: int) -> None:
    raise_alerts(client, M0, 5)
    raise_alerts(client, M1, 4)
    consumer = relay(client)
    found: list[str] = []
    while batch := consumer.poll(0.01, most):
        assert len(batch[OUTBOX]) <= most
        found += articles(batch[OUTBOX])
    assert [each for each in found if each.startswith("0")] == [f"0-{n}" for n in range(5)]
    assert [each for each in found if each.startswith("1")] == [f"1-{n}" for n in range(4)]


def test_a_poll_that_waits_is_woken_by_the_next_alert(client: Client, redis_url: str) -> None:
    found: list[object] = []
    waiter = threading.Thread(target=lambda: found.append(relay(connect(redis_url)).poll(30, 10)))
    waiter.start()
    raise_alerts(client, M0, 1)
    waiter.join(20)
    assert not waiter.is_alive()
    assert found[0] != {}


def test_polled_alerts_are_in_the_feed_and_wait_for_the_topic_until_they_are_committed(client: Client) -> None:
    raise_alerts(client, M0, 3)
    consumer = relay(client)
    messages = consumer.poll(0.1, 100)[OUTBOX]
    consumer.commit({OUTBOX: messages[1].offset + 1})
    assert feed(client) == ["0-0", "0-1", "0-2"]
    assert sum(relay(client).lag().values()) == 1
    assert articles(relay(client).poll(0.1, 100)[OUTBOX]) == ["0-2"]


def test_what_was_polled_and_not_committed_is_polled_again_by_the_next_relay(client: Client) -> None:
    raise_alerts(client, M0, 2)
    first = relay(client).poll(0.1, 100)
    assert relay(client).poll(0.1, 100) == first


def test_seeking_back_repeats_alerts(client: Client) -> None:
    raise_alerts(client, M0, 3)
    consumer = relay(client)
    messages = consumer.poll(0.1, 100)[OUTBOX]
    consumer.seek(OUTBOX, messages[1].offset)
    assert consumer.poll(0.1, 100)[OUTBOX] == messages[1:]


def test_several_relays_at_once_put_each_alert_into_the_feed_once(client: Client) -> None:
    raise_alerts(client, M0, 4)
    first, second = relay(client), relay(client)
    slow, quick = first.poll(0.1, 100)[OUTBOX], second.poll(0.1, 100)[OUTBOX]
    assert slow == quick
    second.commit({OUTBOX: quick[-1].offset + 1})
    raise_alerts(client, M0, 2, start=4)
    first.commit({OUTBOX: slow[1].offset + 1})
    first.commit({OUTBOX: slow[-1].offset + 1})
    later = first.poll(0.1, 100)[OUTBOX]
    first.commit({OUTBOX: later[-1].offset + 1})
    assert feed(client) == [f"0-{n}" for n in range(6)]
    assert sum(relay(client).lag().values()) == 0


def test_an_alert_that_a_replay_raises_again_is_in_the_feed_once(client: Client) -> None:
    raise_alerts(client, M0, 2)
    drain(client)
    for key in client.scan_iter("ww:{m0}:*"):
        client.delete(key)
    raise_alerts(client, M0, 2)
    assert drain(client) == []
    assert feed(client) == ["0-0", "0-1"]


def test_the_feed_keeps_the_newest_alerts_and_forgets_all_about_the_rest(client: Client) -> None:
    raise_alerts(client, M0, 7)
    consumer = relay(client, alerts_kept=3)
    assert len(consumer.poll(0.1, 100)[OUTBOX]) == 7
    assert feed(client) == ["0-4", "0-5", "0-6"]
    assert client.hlen(KEYS.feed_ids) == client.hlen(KEYS.feed_matches) == client.zcard(KEYS.feed_of) == 3
    assert client.get(KEYS.feed_trimmed) < client.xrange(KEYS.feed, count=1)[0][0]


def match(article_id: str, **changes: Any) -> Alert:
    """A match as the outbox has it."""
    (alert,) = matches(RULES, mentions(article_id, "nato", source=f"Source of {article_id}"), NOON)
    return msgspec.structs.replace(alert, **changes)


def put(client: Client, number: int, alert: Alert, title: str = "") -> None:
    article = Article(id="", source="", title=title, text="", first_seen=NOON, content_hash="")
    fields = {"id": alert.id, "alert": msgspec.json.encode(alert), "sketch": sketch(article)}
    client.xadd(KEYS.outbox(0), fields, id=f"{number}-0")


HULL = "Frigate collides with cargo vessel near Bornholm, three sailors hurt"
TALKS = "Talks on uranium enrichment resume in Vienna after a long break"


def test_articles_of_one_story_are_one_alert_whose_newest_revision_the_feed_has(client: Client) -> None:
    for number, (article_id, title) in enumerate([("a", HULL), ("b", TALKS), ("c", HULL)], 1):
        put(client, number, match(article_id), title)
    sent = drain(client)
    assert sorted((alert.article_id, alert.revision) for alert in sent) == [("a", 1), ("a", 2), ("b", 1)]
    first, second = read_page(client, KEYS, Wanted(), limit=10).alerts
    joined = next(fed.alert for fed in (first, second) if fed.alert.story_articles == 2)
    assert (joined.id, joined.revision) == (next(alert.id for alert in sent if alert.article_id == "a"), 2)
    assert [article.article_id for article in joined.articles] == ["c", "a"]
    assert joined.sources == ("Source of a", "Source of c")
    assert client.hlen(KEYS.feed_matches) == 3


def test_an_edit_updates_its_alert_and_raises_no_second_one(client: Client) -> None:
    put(client, 1, match("a"), HULL)
    drain(client)
    put(client, 2, match("a", title="Corrected", article_revision=2), "Quite another headline about something else")
    (edited,) = drain(client)
    assert (edited.revision, edited.title, edited.story_articles) == (2, "Corrected", 1)
    assert [fed.alert for fed in read_page(client, KEYS, Wanted(), limit=10).alerts] == [edited]
    assert client.hgetall(KEYS.feed_matches) == {match("a").id: f"2:{edited.id}"}


def test_without_stories_each_article_is_its_own(client: Client) -> None:
    put(client, 1, match("a"), HULL)
    put(client, 2, match("b"), HULL)
    assert [alert.revision for alert in drain(client, story_hours=0)] == [1, 1]
    assert list(client.scan_iter("ww:{stories}:*")) == []


def test_an_article_published_long_before_it_was_seen_is_marked_as_old(client: Client) -> None:
    put(client, 1, match("a", published=NOON - timedelta(hours=47)), HULL)
    put(client, 2, match("b", published=NOON - timedelta(hours=49)), TALKS)
    assert {alert.article_id: alert.old for alert in drain(client)} == {"a": False, "b": True}


def test_an_alert_of_a_volume_rule_comes_once_and_belongs_to_no_story(client: Client) -> None:
    spike = msgspec.structs.replace(match("a"), id="spike-1", match="", kind="spike", article_id="")
    for _ in range(2):
        client.xadd(KEYS.volume_outbox, {"id": spike.id, "alert": msgspec.json.encode(spike)})
    (alert,) = drain(client)
    assert alert == msgspec.structs.replace(spike, match="spike-1")


def test_relays_that_work_at_the_same_time_lose_no_article_of_a_story_and_merge_none_twice(
    client: Client, redis_url: str
) -> None:
    for number in range(60):
        put(client, number + 1, match(f"a{number}"), HULL if number % 2 else TALKS)

    def work() -> None:
        consumer = relay(connect(redis_url))
        while sum(consumer.lag().values()):
            for where, messages in consumer.poll(0.01, 7).items():
                consumer.commit({where: messages[-1].offset + 1})

    relays = [threading.Thread(target=work) for _ in range(4)]
    for each in relays:
        each.start()
    for each in relays:
        each.join(60)
    alerts = [fed.alert for fed in read_page(client, KEYS, Wanted(), limit=10).alerts]
    assert sorted((alert.story_articles, alert.revision) for alert in alerts) == [(30, 30), (30, 30)]
    assert client.hlen(KEYS.feed_matches) == 60


def test_metrics_tell_what_was_relayed_and_what_waits(client: Client) -> None:
    metrics = Metrics()
    raise_alerts(client, M0, 3)
    consumer = relay(client, metrics)
    assert consumer.lag() == {OUTBOX: 3}
    value = metrics.registry.get_sample_value
    first = client.xrange(KEYS.outbox(0), count=1)[0][1]["alert"]
    oldest = msgspec.json.decode(first, type=Alert).raised.timestamp()
    assert value("wirewatch_outbox_oldest_timestamp_seconds") == oldest
    messages = consumer.poll(0.1, 100)[OUTBOX]
    for _ in range(2):
        consumer.commit({OUTBOX: messages[-1].offset + 1})
    assert consumer.lag() == {OUTBOX: 0}
    assert value("wirewatch_outbox_oldest_timestamp_seconds") == 0
    assert value("wirewatch_alerts_emitted_total", {"severity": "warning"}) == 3
    assert value("wirewatch_ingest_to_alert_seconds_count") == 3
    assert value("wirewatch_publish_to_alert_seconds_count") == 0


def test_the_feeds_keys_lie_in_one_slot_of_a_cluster() -> None:
    assert len({key_slot(key.encode()) for key in FEED_KEYS}) == 1
    assert len({key_slot(key.encode()) for key in (KEYS.stories_version, KEYS.story_of("a"), KEYS.story_term(1))}) == 1


@given(st.integers(1, 2**43), st.integers(0, 2**20 - 1))
def test_a_place_in_the_outbox_and_its_offset_are_the_same_thing(source: int, n: int) -> None:
    place = f"{source}-{n}"
    assert to_place(to_offset(place)) == place


@given(PLACES, PLACES)
def test_offsets_are_in_the_order_of_the_places(first: tuple[int, int], second: tuple[int, int]) -> None:
    offsets = [to_offset(f"{source}-{n}") for source, n in (first, second)]
    assert (offsets[0] < offsets[1]) == (first < second)


def test_the_alerts_of_an_article_published_in_the_past_are_timed_from_then(client: Client) -> None:
    metrics = Metrics()
    record = mentions("a", "nato", published=NOON.replace(year=2020))
    store(client, lambda m, now: matches(RULES, m, now)).apply(M0, 0, 1, log_of(M0, [record]))
    relay(client, metrics).poll(0.1, 1)
    assert (metrics.registry.get_sample_value("wirewatch_publish_to_alert_seconds_sum") or 0) > 86_400
