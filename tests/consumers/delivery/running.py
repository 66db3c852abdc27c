"""Notifications, receivers files and a running service, for the tests of delivery."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from consumers.delivery.notification import Notification, NotificationReason, ReceiverKeys
from consumers.delivery.service import DELIVER
from tests.consumers.delivery.hook import Hook
from wirewatch.metrics import Metrics
from wirewatch.records import Alert, AlertActor, AlertSentence
from wirewatch.redis_client import Client
from wirewatch.settings import Settings
from wirewatch.stage import Context

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def alert(number: int = 0, **changed: Any) -> Alert:
    fields: dict[str, Any] = {
        "id": f"alert-{number}",
        "rule": "nato",
        "rule_version": "1",
        "severity": "warning",
        "reason": "nato is named",
        "actors": (AlertActor(id="nato", name="NATO", score=0.9, mentions=1, why='the name "NATO"'),),
        "article_id": f"article-{number}",
        "title": f"NATO meets, number {number}",
        "source": "news.example",
        "url": f"https://news.example/{number}",
        "language": "en",
        "published": NOW,
        "first_seen": NOW,
        "raised": datetime.now(UTC),
        "received_ms": 0,
        "sentences": (AlertSentence(field="text", text="The allies of NATO meet."),),
        "story": f"story-{number}",
    }
    return Alert(**{**fields, **changed})


def notification(number: int = 0, receiver: str = "desk", reason: NotificationReason = "first") -> Notification:
    return Notification(
        id=f"{receiver}-{number}",
        receiver=receiver,
        group=f"story-{number}",
        number=0,
        reason=reason,
        alerts=(alert(number),),
        alerts_total=1,
        created=datetime.now(UTC),
    )


def put(client: Client, *notifications: Notification) -> None:
    """Into the queues, as the notifier does it."""
    for each in notifications:
        keys = ReceiverKeys("ww", each.receiver)
        with client.pipeline(transaction=True) as pipe:
            pipe.hset(keys.key("notifications"), each.id, msgspec.json.encode(each))
            pipe.zadd(keys.key("queue"), {each.id: int(each.created.timestamp() * 1000)})
            pipe.execute()


def webhook(name: str, hook: Hook, **changed: Any) -> dict[str, Any]:
    """The entry of a receivers file for ``hook``."""
    place = {"url": hook.url, "secret_file": str(hook.secret_file), "allow_private": True}
    fields = {"id": name, "rate_per_minute": 60_000, "webhook": place | changed.pop("webhook", {})}
    return fields | changed


def receivers_file(folder: Path, entries: Sequence[dict[str, Any]]) -> Path:
    path = folder / "receivers.yaml"
    path.write_text(json.dumps({"receivers": list(entries)}))
    return path


def settings(redis_url: str, folder: Path, entries: Sequence[dict[str, Any]], **changed: Any) -> Settings:
    """Quick where the defaults are patient."""
    fields: dict[str, Any] = {
        "redis_url": SecretStr(redis_url),
        "data_dir": folder,
        "receivers": receivers_file(folder, entries),
        "delivery_retry_seconds": " ".join(["0.05"] * 30),
        "delivery_breaker_seconds": 0.05,
        "delivery_seconds_max": 0.5,
        "delivery_lease_seconds": 1.0,
    }
    return Settings(**{**fields, **changed})


@contextmanager
def delivering(chosen: Settings, metrics: Metrics | None = None) -> Iterator[Metrics]:
    """The service, on a thread, stopped in order at the end."""
    metrics = metrics or Metrics()
    stop = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            DELIVER.run(Context(settings=chosen, metrics=metrics), stop, lambda: None)
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield metrics
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
        assert failures == []


def until(condition: Callable[[], bool], seconds_max: float = 60) -> None:
    """Return once the condition holds."""
    tick = threading.Event()
    for _ in range(int(seconds_max / 0.02)):
        if condition():
            return
        tick.wait(0.02)
    raise AssertionError("it never came to that")
