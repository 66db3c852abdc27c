"""Counters read back, added up over partitions; alerts by page and as they come. On real servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from consumers.alert_feed import START, FedAlert, Wanted, follow, latest, read_page
from consumers.matching import matches
from consumers.moments import parse_since
from consumers.outbox import OutboxConsumer
from consumers.reading import By, CounterRow, Query, applied, read_counters
from consumers.rule_file import load_rules
from tests.consumers.making import KEYS, M0, NOON, actor, days_later, entities, log_of, mentions, settings, store
from wirewatch.broker import TopicPartition
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, connect
from wirewatch.topics import ENTITIES, MENTIONS

E1 = TopicPartition(ENTITIES.name, 1)
M1 = TopicPartition(MENTIONS.name, 1)
RULES = load_rules()


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    fill(client)
    yield client
    client.close()


def fill(client: Client) -> None:
    member = store(client, lambda m, now: matches(RULES, m, now))
    first = [
        mentions("a1", actor("nato", count=2), "iran", source="Bote", language="de"),
        mentions("a2", "islamic-state", first_seen=days_later(1), language=None),
        mentions("a3"),
        mentions("a3"),
    ]
    second = [
        mentions("b1", "nato", source="Bote"),
        mentions("b2", actor("nato", field="text"), first_seen=NOON + timedelta(hours=1), language="nl"),
    ]
    member.apply(M0, 0, 4, log_of(M0, first))
    member.apply(M1, 0, 2, log_of(M1, second))
    member.apply(E1, 0, 1, log_of(E1, [entities("a1", ("ORG", "NATO"), ("GPE", "Iran"))]))
    relay = OutboxConsumer(client, KEYS, settings(), Metrics())
    relay.commit({where: messages[-1].offset + 1 for where, messages in relay.poll(0.1, 100).items()})


def query(by: By, **changes: object) -> Query:
    return Query(**{"by": by, "since": NOON, "until": days_later(2)} | changes)  # type: ignore[arg-type]


def row(articles: int, **fields: object) -> CounterRow:
    return CounterRow(articles=articles, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        (
            query("actor"),
            [
                row(3, actor="nato", mentions=4),
                row(1, actor="iran", mentions=1),
                row(1, actor="islamic-state", mentions=1),
            ],
        ),
        (
            query("hour", actor="nato"),
            [
                row(2, actor="nato", key="2096-03-02T12:00:00Z", mentions=3),
                row(1, actor="nato", key="2096-03-02T13:00:00Z", mentions=1),
            ],
        ),
        (query("hour", actor="nato", since=NOON + timedelta(hours=1), until=days_later(1)), [
            row(1, actor="nato", key="2096-03-02T13:00:00Z", mentions=1),
        ]),
        (
            query("day"),
            [
                row(1, actor="iran", key="2096-03-02", mentions=1),
                row(3, actor="nato", key="2096-03-02", mentions=4),
                row(1, actor="islamic-state", key="2096-03-03", mentions=1),
            ],
        ),
        (query("source", actor="nato"), [row(2, actor="nato", key="Bote"), row(1, actor="nato", key="Wire")]),
        (
            query("language", actor="nato"),
            [row(1, actor="nato", key=language) for language in ("de", "en", "nl")],
        ),
        (query("language", actor="islamic-state"), [row(1, actor="islamic-state", key="und")]),
        (query("pair"), [row(1, actor="iran", key="nato")]),
        (query("pair", actor="nato"), [row(1, actor="nato", key="iran")]),
        (query("pair", actor="islamic-state"), []),
        (query("entity"), [row(1, label="GPE", key="Iran"), row(1, label="ORG", key="NATO")]),
        (query("total"), [row(4, key="ok"), row(1, key="dup"), row(1, key="none")]),
        (query("actor", since=days_later(1)), [row(1, actor="islamic-state", mentions=1)]),
        (query("actor", until=NOON - timedelta(days=1)), []),
        (query("actor", limit=1), [row(3, actor="nato", mentions=4)]),
        (query("hour", limit=1), [row(1, actor="islamic-state", key="2096-03-03T12:00:00Z", mentions=1)]),
    ],
)  # fmt: skip
def test_counters_are_added_up_over_partitions(client: Client, asked: Query, rows: list[CounterRow]) -> None:
    assert read_counters(client, KEYS, 2, asked) == rows


def test_the_number_of_applied_records_is_that_of_all_partitions(client: Client) -> None:
    assert applied(client, KEYS, 2) == 6


def articles(client: Client, wanted: Wanted, **how: object) -> set[str]:
    page = read_page(client, KEYS, wanted, **{"limit": 50} | how)  # type: ignore[arg-type]
    assert page.before is None
    return {fed.alert.article_id for fed in page.alerts}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), {"a1", "a2", "b1", "b2"}),
        (Wanted(actor="iran"), {"a1"}),
        (Wanted(actor="nobody"), set()),
        (Wanted(severity="info"), {"a1", "a2", "b1", "b2"}),
        (Wanted(severity="warning"), {"a1", "a2", "b1"}),
        (Wanted(severity="critical"), {"a2"}),
        (Wanted(source="Bote"), {"a1", "b1"}),
        (Wanted(source="Bote", language="de"), {"a1"}),
        (Wanted(rule="watched-actor"), {"b2"}),
    ],
)
def test_alerts_are_filtered_by_all_that_is_asked(client: Client, wanted: Wanted, found: set[str]) -> None:
    assert articles(client, wanted) == found


def test_pages_follow_each_other_without_gap_or_repeat(client: Client) -> None:
    whole = read_page(client, KEYS, Wanted(), limit=50).alerts
    assert [fed.cursor for fed in whole] == sorted((fed.cursor for fed in whole), reverse=True)
    found: list[FedAlert] = []
    before = None
    while True:
        page = read_page(client, KEYS, Wanted(), limit=1, before=before)
        found += page.alerts
        before = page.before
        if before is None:
            break
    assert found == list(whole)


def test_alerts_since_a_moment_are_those_that_came_after_it(client: Client) -> None:
    now = datetime.now(UTC)
    assert len(articles(client, Wanted(), since=now - timedelta(hours=1))) == 4
    assert articles(client, Wanted(), since=now + timedelta(hours=1)) == set()


def test_following_shows_what_is_behind_a_cursor_and_then_what_comes(client: Client) -> None:
    everything = follow(client, KEYS, Wanted(), START)
    assert [fed.alert.article_id for fed in islice(everything, 4) if fed] == ["a1", "a2", "b1", "b2"]
    after = latest(client, KEYS)
    store(client, lambda m, now: matches(RULES, m, now)).apply(
        M1, 2, 3, log_of(M1, [mentions(f"c{n}", "nato") for n in range(3)])[2:]
    )
    relay = OutboxConsumer(client, KEYS, settings(), Metrics())
    relay.commit({where: messages[-1].offset + 1 for where, messages in relay.poll(0.1, 100).items()})
    fed = next(follow(client, KEYS, Wanted(), after))
    assert fed is not None
    assert fed.alert.article_id == "c2"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOON - timedelta(seconds=90)),
        ("2h", NOON - timedelta(hours=2)),
        ("7d", NOON - timedelta(days=7)),
        ("4w", NOON - timedelta(weeks=4)),
        ("2026-01-31T06:00:00Z", datetime(2026, 1, 31, 6, tzinfo=UTC)),
        ("2026-01-31T06:00:00+02:00", datetime(2026, 1, 31, 4, tzinfo=UTC)),
        ("2026-01-31 06:00", datetime(2026, 1, 31, 6, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_span_back_or_a_time(text: str, moment: datetime) -> None:
    assert parse_since(text, NOON) == moment


@pytest.mark.parametrize(
    "text", ["", "2", "h", "-2h", "2 h", "yesterday", "2026-13-01", "999999w", "0001-01-01T00:00:00+05:00"]
)
def test_what_is_no_moment_is_told_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write 30m, 2h, 7d, or"):
        parse_since(text, NOON)
