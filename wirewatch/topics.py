"""The one table of topics: name, record type, who writes and what it is for.

All topics have the same number of partitions (a setting): ``mentions.v1`` and ``entities.v1`` keep the partition
number of their source record, and consumers count per partition, so the number never changes; a new one means ``.v2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from wirewatch.records import Alert, Article, Entities, Mentions

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
