"""``wirewatch bench latency``: the schedule, the receiver, the percentiles."""

from __future__ import annotations

import http.client
import math
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consumers.delivery.notification import Notification
from consumers.delivery.payload import payload
from consumers.matching import matches
from consumers.rule_file import load_rules
from tests.consumers.making import NOON, mentions
from wirewatch.broker import TopicSpec
from wirewatch.cli.bench_arrivals import Arrivals, receiving_webhooks
from wirewatch.cli.bench_latency import figures_of, send, spread
from wirewatch.records import Article
from wirewatch.sqlite_broker import SqliteBroker
from wirewatch.topics import ARTICLES


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], (math.nan,) * 4),
        ([0.002], (2, 2, 2, 2)),
        ([n / 1000 for n in range(100, 0, -1)], (50, 95, 99, 100)),
        ([-0.001, 0.004], (0, 4, 4, 4)),
    ],
)
def test_percentiles_are_those_of_all_samples_by_nearest_rank(
    seconds: list[float], expected: tuple[float, ...]
) -> None:
    found = spread("x", seconds)
    assert (found.p50, found.p95, found.p99, found.max) == pytest.approx(expected, nan_ok=True)
    assert found.samples == len(seconds)


def article(n: int) -> Article:
    return Article(id=f"a{n}", source="s", title="t", text="x", first_seen=datetime.now(UTC), content_hash="0")


def test_articles_are_sent_on_a_schedule_and_timed_from_when_they_were_due(tmp_path: Path) -> None:
    broker = SqliteBroker(tmp_path / "log.sqlite3")
    admin = broker.admin()
    admin.create_topics([TopicSpec(ARTICLES.name, 2, -1)])
    producer = broker.producer()
    sent = send(producer, [article(n) for n in range(20)], 200.0, threading.Event())
    due = [sent.due[f"a{n}"] for n in range(20)]
    assert [later - due[0] for later in due] == pytest.approx([n / 200 for n in range(20)])
    assert all(sent.acknowledged[id_] >= when for id_, when in sent.due.items())
    assert sum(following for _, following in admin.offsets(ARTICLES.name).values()) == 20
    producer.close()
    admin.close()


def test_a_webhook_that_arrives_is_noted_once_and_one_that_does_not_is_missing(tmp_path: Path) -> None:
    broker = SqliteBroker(tmp_path / "log.sqlite3")
    admin = broker.admin()
    admin.create_topics([TopicSpec(ARTICLES.name, 1, -1)])
    producer = broker.producer()
    sent = send(producer, [article(0), article(1)], 1_000.0, threading.Event())
    arrivals = Arrivals()
    for id_ in ("a0", "a1", "warm-up"):
        arrivals.note("feed", id_)
    with receiving_webhooks(arrivals) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(2):
            connection.request("POST", "/", notification("a0"))
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (204, b"")
        connection.close()
    found = figures_of("log", sent, arrivals, {})
    assert found.alerts == 2
    assert found.missing == {"feed": 0, "events": 2, "webhook": 1}
    assert {one.step: one.samples for one in found.spreads}["due → webhook"] == 1
    producer.close()
    admin.close()


def notification(article_id: str) -> bytes:
    (alert,) = matches(load_rules(), mentions(article_id, "nato"), NOON)
    return payload(
        Notification(
            id="n", receiver="r", group="g", number=0, reason="first", alerts=(alert,), alerts_total=1, created=NOON
        )
    )
