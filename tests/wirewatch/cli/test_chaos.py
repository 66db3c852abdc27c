"""The kill campaign on the embedded log, small; and its judge, which must see what is wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.keys import Bucket, Keys
from consumers.recognise import compile_watchlist
from consumers.rule_file import load_rules
from consumers.watchlist_file import of_settings
from tests.path_contract import wirewatch
from wirewatch.broker import TopicSpec
from wirewatch.chaos.producer import Acknowledged, Record
from wirewatch.cli.chaos_oracle import DAY, Expected, Judge, compose, expect
from wirewatch.records import Article
from wirewatch.redis_client import connect
from wirewatch.settings import load
from wirewatch.sqlite_broker import SqliteBroker
from wirewatch.topics import TOPICS


def _articles(count: int) -> list[Article]:
    return [
        Article(
            id=f"{n:032x}",
            source="source.example",
            title=f"NATO meets for the {n}th time",
            text="The allies of NATO meet in Brussels.",
            language="en",
            first_seen=DAY + timedelta(minutes=n),
            content_hash="0",
        )
        for n in range(count)
    ]


def _expected(records: list[Record]) -> Expected:
    settings = load()
    return expect(records, compile_watchlist(of_settings(settings)), load_rules(settings.rules))


def test_an_article_sent_twice_is_expected_once() -> None:
    records = compose(_articles(30), 40, seed=1)
    assert _expected(records) == _expected(compose(_articles(30), 30, seed=2))
    assert len(_expected(records).alerts) == 30


def test_records_are_the_same_for_the_same_seed_and_some_are_repeated_or_malformed() -> None:
    records = compose(_articles(1000), 1070, seed=5)
    assert records == compose(_articles(1000), 1070, seed=5)
    malformed = [record for record in records if record.article is None]
    assert malformed
    assert len({record.value for record in malformed}) == len(malformed)
    assert len(records) - len(malformed) > 1000


def test_the_judge_sees_what_is_lost_doubled_and_missing(tmp_path: Path, redis_url: str) -> None:
    broker = SqliteBroker(tmp_path / "log.sqlite3")
    admin = broker.admin()
    admin.create_topics([TopicSpec(topic.name, 1, -1) for topic in TOPICS])
    records = [*compose(_articles(3), 3, seed=1), Record(b"bad", b"{", None)]
    producer = broker.producer()
    for record in records[1:]:
        producer.send("articles.v1", record.value, key=record.key)
    producer.flush()
    producer.close()
    client, keys = connect(redis_url), Keys("ww")
    actors = keys.counter("mentions.v1", 0, Bucket("actors", DAY.date()))
    client.zadd(actors, {"nato": 4, "iran": 1})
    for actor, articles in (("nato", 2), ("iran", 1)):
        key = keys.counter("mentions.v1", 0, Bucket("hour", DAY.date(), actor))
        client.hset(key, mapping={"a00": articles, "m00": articles * 2})
    journal = [Acknowledged(0, 0, 99), *(Acknowledged(n, 0, n - 1) for n in range(1, 4))]
    verdict = Judge(admin, client, keys, 1).judge(records, journal, _expected(records))
    assert verdict.acknowledged_gone == 1
    assert verdict.lost == 1 + 2
    assert verdict.double_counted == 1 + 2
    assert verdict.dead_letters_missing == 1
    assert verdict.alerts_missing == 3 + 3
    assert not verdict.holds
    admin.close()
    client.close()


@pytest.mark.timeout(240)
def test_a_small_campaign_on_the_embedded_log_loses_and_doubles_nothing(tmp_path: Path) -> None:
    done = wirewatch(
        {"WIREWATCH_DATA_DIR": str(tmp_path)},
        *("chaos", "--articles", "1500", "--kills", "6", "--seed", "3", "--json"),
    )
    report = json.loads(done)
    assert report["holds"], report
    assert report["kills"] == 6
