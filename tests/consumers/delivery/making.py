"""Makes alerts and receivers for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from consumers.delivery.receivers import Receiver
from wirewatch.records import Alert, AlertActor

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday."""
_HOOK = {"url": "https://desk.example/hook", "secret_file": "/run/secrets/desk"}


def alert(id_: str = "a1", **changes: Any) -> Alert:
    """An alert of the rule ``watched`` about Iran, on the story ``s1``, raised at noon."""
    actors = changes.pop("actors", ("iran",))
    values: dict[str, Any] = {
        "id": id_,
        "rule": "watched",
        "rule_version": "v1",
        "severity": "info",
        "reason": "Iran named",
        "actors": tuple(AlertActor(id=each, name=each, score=0.9, mentions=1, why="name") for each in actors),
        "article_id": f"article-{id_}",
        "title": "Headline",
        "source": "Wire",
        "url": None,
        "language": "en",
        "published": None,
        "first_seen": NOON,
        "raised": NOON,
        "received_ms": 0,
        "match": f"match-{id_}",
        "story": "s1",
    }
    return Alert(**values | changes)


def receiver(**changes: Any) -> Receiver:
    """A webhook that wants everything, written as in the file."""
    return msgspec.convert({"id": "desk", "webhook": _HOOK, **changes}, Receiver)


def after(**length: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(**length)
