"""The one table of topics: name, record type, who writes and what it is for.

All topics have the same number of partitions (a setting): ``mentions.v1`` and ``entities.v1`` keep the partition
number of their source record, and consumers count per partition, so the number never changes; a new one means ``.v2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from wirewatch.broker import TopicSpec
from wirewatch.records import Alert, Article, Entities, Mentions
from wirewatch.settings import Settings

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Topic(Generic[R]):
    """A topic and the one record type on it. ``raw`` topics hold bytes as they came (``record`` is ``bytes``)."""

    name: str
    record: type[R]
    purpose: str

    def encode(self, record: R) -> bytes:
        """The record as UTF-8 JSON on one line."""
        return msgspec.json.encode(record)


ARTICLES = Topic("articles.v1", Article, "articles as producers accepted them")
MENTIONS = Topic("mentions.v1", Mentions, "watched actors found, one record per article record")
ENTITIES = Topic("entities.v1", Entities, "persons, organisations and places found, one record per article record")
ALERTS = Topic("alerts.v1", Alert, "alerts raised")
DEAD_LETTERS = Topic("articles.dlq.v1", bytes, "rejected input: the original bytes, with reason and origin in headers")
TOPICS: tuple[Topic[object], ...] = (ARTICLES, MENTIONS, ENTITIES, ALERTS, DEAD_LETTERS)  # type: ignore[assignment]

_HOUR_MS = 3_600_000
# People go back to these long after the articles are gone.
_KEPT: frozenset[str] = frozenset({ALERTS.name, DEAD_LETTERS.name})


def specs(settings: Settings) -> list[TopicSpec]:
    """What ``Admin.create_topics`` is to make: every topic, with the same number of partitions."""
    return [
        TopicSpec(
            name=topic.name,
            partitions=settings.partitions,
            retention_ms=_HOUR_MS
            * (settings.retention_hours_kept if topic.name in _KEPT else settings.retention_hours),
            replication=settings.replication,
        )
        for topic in TOPICS
    ]
