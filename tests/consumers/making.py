"""Makes records for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from consumers.keys import Keys
from consumers.redis_store import MatchesFor, RedisStore
from wirewatch.broker import Message, TopicPartition
from wirewatch.metrics import Metrics
from wirewatch.records import ActorMentions, Alert, Entities, Entity, Field, Mention, Mentions, Sentence
from wirewatch.redis_client import Client
from wirewatch.settings import Settings, load
from wirewatch.stage import Received
from wirewatch.topics import ENTITIES, MENTIONS

# Ahead of any clock that runs these tests, so that nothing is past its time to be kept.
NOON = datetime(2096, 3, 2, 12, 30, tzinfo=UTC)
M0 = TopicPartition(MENTIONS.name, 0)
E0 = TopicPartition(ENTITIES.name, 0)
KEYS = Keys("ww")
NAMES = {"nato": "NATO", "iran": "Iran", "islamic-state": "Islamic State"}


def actor(actor_id: str, *, count: int = 1, score: float = 0.9, field: Field = "title", sentence: int = 0) -> Any:
    """An actor named ``count`` times in one field, at the start of its sentence."""
    name = NAMES.get(actor_id, actor_id)
    mention = Mention(
        text=name, start=0, end=len(name), field=field, kind="name", score=score, why="name", sentence=sentence
    )
    return ActorMentions(id=actor_id, name=name, score=score, mentions=(mention,) * count)


def mentions(article_id: str | None = "a1", *actors: ActorMentions | str, **changes: Any) -> Mentions:
    """Mentions of these actors (an id stands for one mention in the title); ``none`` when there are none."""
    found = tuple(actor(each) if isinstance(each, str) else each for each in actors)
    at = changes.pop("first_seen", NOON)
    values: dict[str, Any] = {
        "status": "ok" if found else "none",
        "article_id": article_id,
        "source": "Wire",
        "title": "Headline",
        "language": "en",
        "first_seen": at,
        "received_ms": int(at.timestamp() * 1000) if at else 0,
        "actors": found,
        "sentences": tuple(Sentence(field="title", start=0, text=f"{each.name} said so") for each in found[:1]),
    }
    return Mentions(**values | changes)


def entities(article_id: str | None, *named: tuple[str, str], **changes: Any) -> Entities:
    """Entities given as (label, name)."""
    found = tuple(Entity(text=name, label=label, start=0, end=len(name), field="text") for label, name in named)
    values: dict[str, Any] = {
        "status": "ok" if found else "none",
        "article_id": article_id,
        "first_seen": NOON,
        "received_ms": int(NOON.timestamp() * 1000),
        "entities": found,
    }
    return Entities(**values | changes)


def received(where: TopicPartition, offset: int, record: Any, src: int | None = None) -> Received[Any]:
    """The record as the runner hands it over, at ``offset``, made from article offset ``src`` (default: the same)."""
    header = (("src.offset", str(offset if src is None else src).encode()),)
    return Received(record, Message(where.topic, where.partition, offset, 0, None, b"", header))


def log_of(where: TopicPartition, records: Sequence[Any]) -> list[Received[Any]]:
    """The records at offsets 0, 1, 2, …"""
    return [received(where, offset, record) for offset, record in enumerate(records)]


def days_later(days: float) -> datetime:
    return NOON + timedelta(days=days)


def settings(**changes: Any) -> Settings:
    return load(**{"partitions": 2, **changes})


def no_match(_: Mentions, __: datetime) -> tuple[Alert, ...]:
    return ()


def store(
    client: Client, matches_for: MatchesFor = no_match, metrics: Metrics | None = None, **changes: Any
) -> RedisStore:
    return RedisStore(client, KEYS, settings(**changes), metrics or Metrics(), matches_for)
