"""An edited article over the embedded log, with its stages as real processes: its alert is updated, and stays one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr

from tests.path_contract import WAIT_SECONDS_MAX, Env, lines, wirewatch
from tests.redis_server import one_kind
from wirewatch.broker import Broker
from wirewatch.cli.wiring import open_broker
from wirewatch.records import Alert, Article
from wirewatch.settings import Settings
from wirewatch.topics import ALERTS, ARTICLES

STAGES = ("actors", "counters", "relay")


def article(article_id: str, revision: int, title: str, text: str, source: str = "Wire") -> Article:
    return Article(
        id=article_id,
        source=source,
        title=title,
        text=text,
        language="en",
        first_seen=datetime.now(UTC),
        content_hash=str(revision),
        revision=revision,
    )


def publish(broker: Broker, *articles: Article) -> None:
    producer = broker.producer()
    for each in articles:
        producer.send(ARTICLES.name, ARTICLES.encode(each), key=each.id.encode())
    producer.flush()
    producer.close()


def relayed(broker: Broker, partitions: int) -> list[Alert]:
    """What alerts.v1 has, by revision; each once, as a relay may repeat."""
    admin = broker.admin()
    found = {
        message.value for partition in range(partitions) for message in admin.read(ALERTS.name, partition, 0, 1_000)
    }
    admin.close()
    alerts = [msgspec.json.decode(value, type=Alert) for value in found]
    return sorted(alerts, key=lambda alert: (alert.raised, alert.revision))


def wait_for_revision(broker: Broker, revision: int, settings: Settings) -> list[Alert]:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        alerts = relayed(broker, settings.partitions)
        if any(alert.revision == revision for alert in alerts):
            return alerts
        assert time.monotonic() < deadline, alerts
        time.sleep(0.1)


@pytest.mark.parametrize("redis_server", one_kind("valkey"), indirect=True)
def test_an_edited_article_and_a_reprint_update_the_alert_and_raise_no_second_one(
    tmp_path: Path, redis_url: str
) -> None:
    env: Env = {"WIREWATCH_DATA_DIR": str(tmp_path), "REDIS_URL": redis_url, "WIREWATCH_PARTITIONS": "2"}
    settings = Settings(data_dir=tmp_path, redis_url=SecretStr(redis_url), partitions=2)
    wirewatch(env, "topics", "create")
    broker = open_broker(settings)
    text = (
        "A NATO frigate struck a cargo vessel near Bornholm on Tuesday. Three sailors were hurt, the Danish navy said."
    )
    process = subprocess.Popen([sys.executable, "-m", "wirewatch", "consume", *STAGES], env={**os.environ, **env})
    try:
        publish(broker, article("a", 1, "NATO frigate hits cargo vessel", text))
        (first,) = wait_for_revision(broker, 1, settings)
        publish(broker, article("a", 2, "NATO frigate hits ferry", text.replace("cargo vessel", "ferry")))
        edited = wait_for_revision(broker, 2, settings)[-1]
        publish(broker, article("b", 1, "Frigate of NATO in collision off Bornholm", text, source="Post"))
        joined = wait_for_revision(broker, 3, settings)[-1]
    finally:
        process.terminate()
        assert process.wait(60) == 0
    assert (edited.id, edited.title, edited.story_articles) == (first.id, "NATO frigate hits ferry", 1)
    assert (joined.id, joined.title, joined.story_articles) == (first.id, "NATO frigate hits ferry", 2)
    (alert,) = lines(wirewatch(env, "alerts", "--json"))
    assert (alert["id"], alert["revision"], alert["sources"]) == (first.id, 3, ["Wire", "Post"])
    assert [(each["article_id"], each["revision"]) for each in alert["articles"]] == [("b", 1), ("a", 2)]
    (counted,) = [row for row in lines(wirewatch(env, "counters", "--json")) if row["actor"] == "nato"]
    assert counted["articles"] == 2
    assert "no difference" in wirewatch(env, "verify")
