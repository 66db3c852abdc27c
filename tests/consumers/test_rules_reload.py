"""A stage that runs takes up other rules while articles flow: no restart, and no match lost or doubled."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from consumers.counters import COUNTERS
from consumers.rules_in_use import SavedRules
from tests.consumers.making import mentions
from tests.wirewatch.stages import PARTITIONS, Running, embedded, running
from wirewatch.broker import Broker
from wirewatch.records import Alert
from wirewatch.redis_client import Client, connect
from wirewatch.topics import MENTIONS

RULE = "rules:\n  - {{id: {0}, severity: info}}\n"


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


def raised(client: Client) -> list[Alert]:
    entries = [entry for n in range(PARTITIONS) for entry in client.xrange(f"ww:{{m{n}}}:outbox")]
    return [msgspec.json.decode(fields["alert"], type=Alert) for _, fields in entries]


def flow(broker: Broker, stop: threading.Event, sent: list[str]) -> None:
    """Articles without end, until told to stop."""
    with closing(broker.producer()) as producer:
        while not stop.wait(0.001):
            id_ = f"a{len(sent)}"
            producer.send(MENTIONS.name, MENTIONS.encode(mentions(id_, "nato")), partition=len(sent) % PARTITIONS)
            producer.flush()
            sent.append(id_)


def test_a_running_stage_takes_up_other_rules_and_every_article_is_decided_once(
    client: Client, redis_url: str, tmp_path: Path
) -> None:
    broker, saved = embedded(tmp_path), SavedRules(client, "ww")
    settings = {"data_dir": tmp_path, "redis_url": redis_url, "partitions": PARTITIONS, "batch_messages_max": 5}
    stop, sent = threading.Event(), list[str]()
    sender = threading.Thread(target=flow, args=(broker, stop, sent))
    with running(COUNTERS, broker, **settings) as stage:
        sender.start()
        try:
            seen_by(stage, client, "watched-actor-in-headline")
            for name in ("first", "second"):
                saved.save(RULE.format(name), by="ann", now=datetime.now(UTC))
                seen_by(stage, client, name)
            saved.save("rules: [no rule]\n", by="ann", now=datetime.now(UTC))
            already = len(raised(client))
            stage.until(lambda: len(raised(client)) > already + 20)
            saved.reset()
            stage.until(lambda: raised(client)[-1].rule == "watched-actor-in-headline")
        finally:
            stop.set()
            sender.join()
        stage.until(lambda: len(raised(client)) >= len(sent))
    assert Counter(alert.article_id for alert in raised(client)) == Counter(sent)
    assert {alert.rule for alert in raised(client)} == {"watched-actor-in-headline", "first", "second"}


def seen_by(stage: Running, client: Client, rule: str) -> None:
    stage.until(lambda: any(alert.rule == rule for alert in raised(client)))
