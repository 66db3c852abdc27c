"""Reads what a campaign has led to, from the log and from Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from consumers.alert_feed import decoded
from consumers.keys import Keys
from consumers.reading import Query, read_counters
from wirewatch.broker import Admin, Message
from wirewatch.cli.chaos_oracle import DAY, Found, Letter, Made, Place
from wirewatch.dead_letters import parse_headers
from wirewatch.records import Alert
from wirewatch.redis_client import Client, answers
from wirewatch.topics import ALERTS, ARTICLES, DEAD_LETTERS, ENTITIES, MENTIONS
from wirewatch.transforming import SOURCE_OFFSET

_READ_MAX = 5_000
_ROWS_MAX = 1_000_000


class _Line(msgspec.Struct):
    """What is looked at of a record of mentions.v1 or entities.v1."""

    status: str
    reason: str | None = None
    article_id: str | None = None


def read_found(admin: Admin, client: Client, keys: Keys, partitions: int) -> Found:
    """All of it. Call it when nothing moves any more."""
    counts: dict[tuple[str, ...], int] = {}
    for row in read_counters(client, keys, partitions, _query("hour")):
        counts[row.actor or "", row.key, "articles"] = row.articles
        counts[row.actor or "", row.key, "mentions"] = row.mentions or 0
    entities = read_counters(client, keys, partitions, _query("entity"))
    with answers():
        fed = list(client.hkeys(keys.feed_matches))
        alerts = [decoded(fields) for _, fields in client.xrange(keys.feed)]
    named = Counter((alert.rule, article.article_id) for alert in alerts for article in alert.articles)
    fed += [f"{article} for {rule}, in {times} alerts" for (rule, article), times in named.items() if times > 1]
    return Found(
        held={Place(message.partition, message.offset): message.value for message in _read(admin, ARTICLES.name)},
        letters=[_letter(message) for message in _read(admin, DEAD_LETTERS.name)],
        made={topic.name: _made(admin, topic.name) for topic in (MENTIONS, ENTITIES)},
        counts=counts,
        names={(row.label or "", row.key): row.articles for row in entities},
        sent=[msgspec.json.decode(message.value, type=Alert).match for message in _read(admin, ALERTS.name)],
        fed=fed,
    )


def _query(by: str) -> Query:
    return Query(by=by, since=DAY, until=DAY.replace(hour=23, minute=59), limit=_ROWS_MAX)  # type: ignore[arg-type]


def _letter(message: Message) -> Letter:
    about = parse_headers(message)
    of_an_article = about.topic == ARTICLES.name and about.partition is not None and about.offset is not None
    place = Place(about.partition or 0, about.offset or 0) if of_an_article else None
    return Letter(place, about.stage, about.reason, message.value)


def _made(admin: Admin, topic: str) -> dict[int, Sequence[Made]]:
    found: dict[int, list[Made]] = {}
    decoder = msgspec.json.Decoder(_Line)
    for message in _read(admin, topic):
        line = decoder.decode(message.value)
        offset = int(message.header(SOURCE_OFFSET) or -1)
        found.setdefault(message.partition, []).append(Made(offset, line.status, line.reason, line.article_id))
    return dict(found)


def _read(admin: Admin, topic: str) -> Iterator[Message]:
    for partition, (first, following) in admin.offsets(topic).items():
        at = first
        while at < following:
            messages = admin.read(topic, partition, at, _READ_MAX)
            if not messages:
                break
            yield from messages
            at = messages[-1].offset + 1


def reached(client: Client, keys: Keys, partitions: int, topics: Sequence[str]) -> dict[int, int]:
    """Per partition of articles.v1, the first offset that is not yet counted from every topic, or whose match is not
    relayed; 0 of all while alerts are on their way. Raises StoreUnavailable."""
    with answers(), client.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            for topic in topics:
                pipe.hget(keys.position(topic, partition), "src")
            pipe.xrange(keys.outbox(partition), count=1)
        pipe.xlen(keys.feed_inbox)
        pipe.xlen(keys.feed_sending)
        *found, taken, unsent = pipe.execute()
    if taken or unsent:
        return dict.fromkeys(range(partitions), 0)
    width = len(topics) + 1
    return {
        partition: min(
            *(_following(source) for source in found[partition * width : (partition + 1) * width - 1]),
            _oldest(found[(partition + 1) * width - 1]),
        )
        for partition in range(partitions)
    }


def _following(source: str | None) -> int:
    """``src`` is the watermark: the next source offset to count."""
    return int(source or 0)


def _oldest(entries: Sequence[tuple[str, object]]) -> int:
    return int(entries[0][0].partition("-")[0]) - 1 if entries else 1 << 62
