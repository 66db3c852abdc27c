"""The store of the stage ``counters`` on real servers: applied once, whatever is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
import pytest
from redis.crc import key_slot

from consumers.applying import Item, Keeping, Standing, prepare
from consumers.counters import tally
from consumers.matching import matches
from consumers.redis_store import source_offset
from consumers.rule_file import load_rules
from consumers.rules import Rule, RuleSet
from tests.consumers.making import E0, KEYS, M0, NOON, actor, days_later, entities, log_of, mentions, received, store
from tests.redis_server import RedisServer
from wirewatch.broker import TopicPartition
from wirewatch.errors import StoreUnavailable, UserError
from wirewatch.metrics import Metrics
from wirewatch.records import Alert, Mentions
from wirewatch.redis_client import Client, connect

RULES = load_rules()


def matches_for(record: Mentions, now: datetime) -> tuple[Alert, ...]:
    return matches(RULES, record, now)


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


def hour(client: Client, actor_id: str, day: str = "20960302") -> dict[str, str]:
    return dict(client.hgetall(f"ww:{{m0}}:hour:{day}:{actor_id}"))


def totals(client: Client, day: str = "20960302") -> dict[str, int]:
    return {status: int(n) for status, n in client.hgetall(f"ww:{{m0}}:totals:{day}").items()}


def test_a_batch_changes_counters_outbox_and_position_together(client: Client) -> None:
    batch = log_of(M0, [mentions("a1", actor("nato", count=2), "iran"), mentions("a2"), mentions("a3", "nato")])
    assert store(client, matches_for).apply(M0, 0, 3, batch) == 3
    assert hour(client, "nato") == {"a12": "2", "m12": "3"}
    assert hour(client, "iran") == {"a12": "1", "m12": "1"}
    assert totals(client) == {"ok": 2, "none": 1}
    assert client.zrange("ww:{m0}:actors:20960302", 0, -1, withscores=True) == [("iran", 1.0), ("nato", 2.0)]
    assert client.zrange("ww:{m0}:pairs:20960302", 0, -1, withscores=True) == [("iran\x1fnato", 1.0)]
    assert client.hgetall("ww:{m0}:source:20960302:nato") == {"Wire": "2"}
    assert client.hgetall("ww:{m0}:language:20960302:nato") == {"en": "2"}
    assert [place for place, _ in client.xrange("ww:{m0}:outbox")] == ["1-0", "3-0"]
    assert client.hgetall("ww:{m0}:off") == {"next": "3", "src": "3", "day": str(NOON.toordinal())}


def test_the_same_batch_again_changes_nothing_and_is_held_to_be_applied(client: Client) -> None:
    batch = log_of(M0, [mentions("a1", "nato")])
    assert store(client).apply(M0, 0, 1, batch) == 1
    before = {key: client.dump(key) for key in client.scan_iter()}
    assert store(client).apply(M0, 0, 1, batch) == 1
    assert {key: client.dump(key) for key in client.scan_iter()} == before


def test_a_batch_that_does_not_start_where_the_partition_stands_is_refused(client: Client) -> None:
    log = log_of(M0, [mentions(f"a{n}", "nato") for n in range(6)])
    assert store(client).apply(M0, 0, 3, log[:3]) == 3
    assert store(client).apply(M0, 5, 6, log[5:]) == 3
    assert store(client).apply(M0, 1, 6, log[1:]) == 3
    assert hour(client, "nato")["a12"] == "3"


def test_a_member_that_was_replaced_meanwhile_is_refused_even_though_it_applied_before(client: Client) -> None:
    log = log_of(M0, [mentions(f"a{n}", "nato") for n in range(6)])
    zombie, owner = store(client), store(client)
    assert zombie.apply(M0, 0, 2, log[:2]) == 2
    assert owner.apply(M0, 2, 5, log[2:5]) == 5
    assert zombie.apply(M0, 2, 4, log[2:4]) == 5
    assert zombie.apply(M0, 5, 6, log[5:]) == 6
    assert hour(client, "nato")["a12"] == "6"


def test_a_partition_whose_data_were_lost_is_read_again_from_its_beginning(client: Client) -> None:
    log = log_of(M0, [mentions(f"a{n}", "nato") for n in range(4)])
    member = store(client)
    assert member.apply(M0, 0, 2, log[:2]) == 2
    client.flushall()
    assert member.apply(M0, 2, 4, log[2:]) == 0
    assert member.apply(M0, 0, 4, log) == 4
    assert hour(client, "nato")["a12"] == "4"


def test_positions_are_those_that_were_applied_and_of_no_other_partition(client: Client) -> None:
    member = store(client)
    member.apply(M0, 0, 7, log_of(M0, [mentions("a1")]))
    asked = frozenset({M0, E0, TopicPartition(M0.topic, 1)})
    assert store(client).positions(asked) == {M0: 7}


def test_an_article_seen_before_counts_as_a_duplicate_and_raises_no_alert(client: Client) -> None:
    member = store(client, matches_for)
    member.apply(M0, 0, 1, [received(M0, 0, mentions("a1", "nato"))])
    member.apply(M0, 1, 3, [received(M0, 1, mentions("a1", "nato")), received(M0, 2, mentions("a1", "nato"))])
    assert totals(client) == {"ok": 1, "dup": 2}
    assert hour(client, "nato") == {"a12": "1", "m12": "1"}
    assert client.xlen("ww:{m0}:outbox") == 1


EVERY = RuleSet((Rule(id="any", severity="info"), Rule(id="headline", severity="warning", fields=("title",))))


def outbox(client: Client) -> list[tuple[str, str, str]]:
    """Place, rule and sketch of each match; their ids are their matches' own."""
    entries = client.xrange("ww:{m0}:outbox")
    alerts = [msgspec.json.decode(fields["alert"], type=Alert) for _, fields in entries]
    assert [fields["id"] for _, fields in entries] == [alert.match for alert in alerts] == [a.id for a in alerts]
    return [(place, alert.rule, fields["sketch"]) for (place, fields), alert in zip(entries, alerts, strict=True)]


def test_an_article_has_one_place_in_the_outbox_per_match_and_its_sketch_beside_each(client: Client) -> None:
    member = store(client, lambda record, now: matches(EVERY, record, now))
    batch = log_of(M0, [mentions("a1", "nato", sketch="s1"), mentions("a2", actor("iran", field="text"))])
    member.apply(M0, 0, 2, batch)
    assert outbox(client) == [("1-0", "any", "s1"), ("1-1", "headline", "s1"), ("2-0", "any", "")]


def test_an_edit_of_an_article_that_was_counted_counts_nothing_and_its_matches_go_out_again(client: Client) -> None:
    member = store(client, lambda record, now: matches(EVERY, record, now))
    first, repeat = mentions("a1", actor("nato", field="text")), mentions("a1", actor("nato", field="text"))
    member.apply(M0, 0, 3, log_of(M0, [first, repeat, mentions("a1", "nato", "iran", revision=2)]))
    assert totals(client) == {"ok": 1, "dup": 2}
    assert hour(client, "iran") == {}
    assert outbox(client) == [("1-0", "any", ""), ("3-0", "any", ""), ("3-1", "headline", "")]
    revisions = [msgspec.json.decode(f["alert"])["article_revision"] for _, f in client.xrange("ww:{m0}:outbox")]
    assert revisions == [1, 2, 2]


def test_an_edit_of_an_article_that_was_never_counted_is_counted_as_its_first(client: Client) -> None:
    member = store(client, lambda record, now: matches(EVERY, record, now))
    member.apply(M0, 0, 1, log_of(M0, [mentions("a1", "nato", revision=3)]))
    assert totals(client) == {"ok": 1}
    assert [place for place, *_ in outbox(client)] == ["1-0", "1-1"]


def test_a_source_offset_that_was_applied_is_not_even_a_duplicate(client: Client) -> None:
    """A stage before us that died after producing produces the same article offset again, at a later offset."""
    member = store(client)
    member.apply(M0, 0, 2, log_of(M0, [mentions("a1", "nato"), mentions("a2", "nato")]))
    member.apply(M0, 2, 4, [received(M0, 2, mentions("a2", "nato"), 1), received(M0, 3, mentions("a3", "nato"), 2)])
    assert totals(client) == {"ok": 3}


def test_a_gap_in_the_source_offsets_is_told_by_the_metric(client: Client) -> None:
    metrics = Metrics()
    member = store(client, metrics=metrics)
    member.apply(M0, 0, 1, [received(M0, 0, mentions("a1"), 10)])
    member.apply(M0, 1, 3, [received(M0, 1, mentions("a2"), 11), received(M0, 2, mentions("a3"), 15)])
    assert metrics.registry.get_sample_value("wirewatch_source_offset_gaps_total") == 3


def test_a_rejected_article_may_come_again_and_then_counts(client: Client) -> None:
    member = store(client)
    rejected = mentions("a1", status="dlq", reason="worker-crash")
    member.apply(M0, 0, 3, log_of(M0, [rejected, mentions("a1", status="skipped"), mentions("a1", "nato")]))
    assert totals(client) == {"dlq": 1, "skipped": 1, "ok": 1}


@pytest.mark.parametrize(("later", "counted"), [(6.9, 1), (7, 1), (8, 2), (30, 2)])
def test_an_id_is_remembered_for_the_set_number_of_days(client: Client, later: float, counted: int) -> None:
    member = store(client, seen_days=7)
    first, again = mentions("a1", "nato"), mentions("a1", "nato", first_seen=days_later(later))
    member.apply(M0, 0, 1, [received(M0, 0, first)])
    member.apply(M0, 1, 2, [received(M0, 1, again)])
    days = [key.split(":")[3] for key in client.keys("*:totals:*")]
    assert sum(totals(client, day).get("ok", 0) for day in days) == counted


def test_an_article_that_its_feed_keeps_for_weeks_counts_once(client: Client) -> None:
    visits = [mentions("a1", "nato", first_seen=days_later(day)) for day in range(0, 40, 5)]
    member = store(client, seen_days=7)
    for offset, record in enumerate(visits):
        member.apply(M0, offset, offset + 1, [received(M0, offset, record)])
    assert totals(client) == {"ok": 1}
    assert len(client.keys("*:seen:*")) <= 3


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_days_far_apart_give_the_same_however_they_are_batched(client: Client, size: int) -> None:
    days = (0, 3, 20, 1, 21, 60, 61, 60, 69, 75)
    log = log_of(M0, [mentions(f"a{n % 2}", "nato", first_seen=days_later(day)) for n, day in enumerate(days)])
    member = store(client, seen_days=7, counters_days=10_000)
    for start in range(0, len(log), size):
        member.apply(M0, start, min(len(log), start + size), log[start : start + size])
    found = {key: client.hgetall(key) for key in client.keys("*:totals:*")}
    found |= {key: client.smembers(key) for key in client.keys("*:seen:*")}
    assert found == {
        "ww:{m0}:totals:20960302": {"ok": "1"},
        "ww:{m0}:totals:20960305": {"ok": "1"},
        "ww:{m0}:totals:20960322": {"ok": "1"},
        "ww:{m0}:totals:20960303": {"ok": "1"},
        "ww:{m0}:totals:20960323": {"dup": "1"},
        "ww:{m0}:totals:20960501": {"ok": "1", "dup": "1"},
        "ww:{m0}:totals:20960502": {"ok": "1"},
        "ww:{m0}:totals:20960510": {"ok": "1"},
        "ww:{m0}:totals:20960516": {"ok": "1"},
        "ww:{m0}:seen:20960510": {"a0"},
        "ww:{m0}:seen:20960516": {"a1"},
    }


def test_counters_expire_on_a_date_that_a_replay_sets_alike(client: Client) -> None:
    store(client, counters_days=9_999).apply(M0, 0, 1, log_of(M0, [mentions("a1", "nato")]))
    assert client.expiretime("ww:{m0}:hour:20960302:nato") == client.expiretime("ww:{m0}:totals:20960302")
    assert client.expiretime("ww:{m0}:off") == -1


def test_entities_count_an_article_once_per_name(client: Client) -> None:
    metrics = Metrics()
    record = entities("a1", ("ORG", "NATO"), ("ORG", "NATO"), ("GPE", "Iran"), ("PER", " Jens \n Stoltenberg "))
    store(client, metrics=metrics).apply(E0, 0, 2, log_of(E0, [record, entities("a1", ("ORG", "NATO"))]))
    assert client.zrange("ww:{e0}:names:20960302:ORG", 0, -1, withscores=True) == [("NATO", 1.0)]
    assert client.zrange("ww:{e0}:names:20960302:PER", 0, -1) == ["Jens Stoltenberg"]
    assert metrics.registry.get_sample_value("wirewatch_entities_total", {"label": "ORG"}) == 2
    assert metrics.registry.get_sample_value("wirewatch_duplicates_dropped_total") == 0


def test_metrics_show_what_was_counted_and_not_what_was_repeated(client: Client) -> None:
    metrics = Metrics()
    member = store(client, metrics=metrics)
    early = mentions("a2", "nato", published=days_later(1))
    batch = log_of(M0, [mentions("a1", actor("nato", count=3)), mentions("a1", "nato"), early])
    member.apply(M0, 0, 3, batch)
    member.apply(M0, 0, 3, batch)
    value = metrics.registry.get_sample_value
    assert value("wirewatch_articles_total", {"source": "Wire"}) == 2
    assert value("wirewatch_actor_articles_total", {"actor": "nato"}) == 2
    assert value("wirewatch_actor_mentions_total", {"actor": "nato"}) == 4
    assert value("wirewatch_language_articles_total", {"language": "en"}) == 2
    assert value("wirewatch_duplicates_dropped_total") == 1
    assert value("wirewatch_clock_skew_total") == 1
    assert value("wirewatch_source_last_article_timestamp_seconds", {"source": "Wire"}) == NOON.timestamp()


def test_odd_text_and_times_are_counted_as_they_are(client: Client) -> None:
    odd = "a'\"{}\n\x00 \U0001f600 \u202e"
    records = [
        mentions(odd, actor(odd), source=odd, language=odd),
        mentions("y1", "nato", first_seen=datetime.min.replace(tzinfo=NOON.tzinfo), received_ms=-(10**17)),
        mentions("y2", "nato", first_seen=None, received_ms=10**18),
        mentions(None, "nato", first_seen=None, received_ms=0),
    ]
    assert store(client).apply(M0, 0, 4, log_of(M0, records)) == 4
    assert hour(client, odd) == {"a12": "1", "m12": "1"}


def test_a_batch_larger_than_luas_stack_is_applied_whole(client: Client) -> None:
    log = log_of(M0, [mentions(f"a{n}", "nato") for n in range(9_000)])
    assert store(client).apply(M0, 0, 9_000, log) == 9_000
    assert hour(client, "nato")["a12"] == "9000"
    assert client.scard("ww:{m0}:seen:20960302") == 9_000


@pytest.mark.parametrize("where", [M0, E0, TopicPartition(M0.topic, 11)])
def test_all_keys_of_a_call_lie_in_one_slot_of_a_cluster(where: TopicPartition) -> None:
    records = [mentions(f"a{n}", "nato", "iran", first_seen=days_later(n)) for n in range(12)]
    names = [entities("b", ("ORG", "NATO {x}"))]
    tallies = [tally(record, 0) for record in records] + [tally(record, 0) for record in names]
    items = [Item(n, each) for n, each in enumerate(tallies)]
    call = prepare(KEYS, where, Standing(0, NOON.toordinal() - 3), 13, items, Keeping(7, 90))
    assert len({key_slot(key.encode()) for key in call.keys}) == 1
    assert len(set(call.keys)) == len(call.keys)


def test_partitions_lie_in_different_slots_so_that_a_cluster_shares_the_work() -> None:
    slots = {key_slot(KEYS.position(M0.topic, number).encode()) for number in range(48)}
    assert len(slots) > 40


def test_the_source_offset_is_the_header_or_else_the_messages_own() -> None:
    message = received(M0, 7, mentions(), 3).message
    assert source_offset(message) == 3
    assert source_offset(type(message)("t", 0, 7, 0, None, b"", (("src.offset", b"x"),))) == 7


def test_a_server_that_is_away_is_a_transient_failure_and_repeating_is_safe(redis_server: RedisServer) -> None:
    client = connect(redis_server.url)
    # A partition that no other test uses: a server that is killed may come back with what was emptied just before.
    where = TopicPartition(M0.topic, 11)
    member = store(client)
    batch = log_of(where, [mentions("a1", "nato")])
    redis_server.kill()
    try:
        with pytest.raises(StoreUnavailable):
            member.apply(where, 0, 1, batch)
        with pytest.raises(StoreUnavailable):
            member.positions(frozenset({where}))
    finally:
        redis_server.start()
    assert member.apply(where, 0, 1, batch) == 1
    client.close()


def test_a_wrong_password_is_the_users_mistake(redis_url: str) -> None:
    client = connect(redis_url.replace("redis://", "redis://nobody:wrong@"))
    with pytest.raises(UserError, match="check the user and password in REDIS_URL"):
        store(client).positions(frozenset({M0}))


def test_memory_that_is_full_refuses_the_whole_batch(client: Client) -> None:
    member = store(client)
    batch = log_of(M0, [mentions("a1", "nato")])
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable):
            member.apply(M0, 0, 1, batch)
        assert client.dbsize() == 0
    finally:
        client.config_set("maxmemory", "0")
    assert member.apply(M0, 0, 1, batch) == 1
