"""What a campaign must have led to, from the producer's journal and the articles alone, and what differs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from consumers.actors import mentions_of
from consumers.alert_feed import decoded
from consumers.keys import Keys
from consumers.reading import Query, read_counters
from consumers.recognise import Recogniser
from consumers.rules import Rule, raise_alert
from wirewatch.broker import Admin, Message
from wirewatch.chaos.producer import Acknowledged, Record
from wirewatch.dead_letters import parse_headers
from wirewatch.records import Alert, Article
from wirewatch.redis_client import Client, answers
from wirewatch.stage import Received
from wirewatch.topics import ALERTS, ARTICLES, DEAD_LETTERS, MENTIONS

DAY = datetime(2026, 1, 1, tzinfo=UTC)
DUPLICATES, MALFORMED = 0.05, 0.01
_READ_MAX = 5_000
_EXAMPLES = 5

Counts = Mapping[tuple[str, str, str], int]
"""(actor, hour, articles or mentions) → count."""


def compose(articles: Sequence[Article], count: int, seed: int) -> list[Record]:
    """``count`` records in the order in which they are sent: the articles, some of them twice, and malformed ones."""
    random_ = random.Random(seed)  # noqa: S311 - not for secrets
    sound = [Record(article.id.encode(), ARTICLES.encode(article), article.id) for article in articles]
    records: list[Record] = []
    for n, record in enumerate(sound):
        records.append(record)
        while len(records) + len(sound) - n - 1 < count and random_.random() < DUPLICATES + MALFORMED:
            if random_.random() < MALFORMED / (DUPLICATES + MALFORMED):
                name = f"bad-{seed:x}-{len(records)}".encode()
                records.append(Record(name, b'{"id": "' + name, None))
            else:
                records.append(sound[random_.randint(max(0, n - 500), n)])
    return records


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be there."""

    counts: Counts
    alerts: frozenset[str]


def expect(records: Sequence[Record], recogniser: Recogniser, rules: Sequence[Rule]) -> Expected:
    """The counters and alerts of these acknowledged records: of each article once."""
    counts: Counter[tuple[str, str, str]] = Counter()
    alerts: set[str] = set()
    for value in {record.article: record.value for record in records if record.article}.values():
        article = msgspec.json.decode(value, type=Article)
        message = Message(ARTICLES.name, 0, 0, 0, None, value)
        mentions = mentions_of(Received(article, message), recogniser)
        hour = f"{article.first_seen.astimezone(UTC):%Y-%m-%dT%H:00:00Z}"
        for actor in mentions.actors:
            counts[actor.id, hour, "articles"] += 1
            counts[actor.id, hour, "mentions"] += len(actor.mentions)
        alert = raise_alert(mentions, rules, DAY)
        if alert is not None:
            alerts.add(alert.id)
    return Expected(counts, frozenset(alerts))


@dataclass(slots=True)
class Verdict:
    """Numbers of violations, all 0 where the promise holds; beside them examples, and repeats that are fine."""

    acknowledged_gone: int = 0
    lost: int = 0
    double_counted: int = 0
    dead_letters_missing: int = 0
    dead_letters_surplus: int = 0
    alerts_missing: int = 0
    alerts_doubled: int = 0
    alerts_surplus: int = 0
    stuck: int = 0
    examples: list[str] = field(default_factory=list)
    repeats: dict[str, int] = field(default_factory=dict)

    @property
    def violations(self) -> dict[str, int]:
        names = self.__dataclass_fields__
        return {name: getattr(self, name) for name in names if isinstance(getattr(self, name), int)}

    @property
    def holds(self) -> bool:
        return not any(self.violations.values())


class Judge:
    """Reads what is there, from the log and from Redis, and compares."""

    def __init__(self, admin: Admin, client: Client, keys: Keys, partitions: int) -> None:
        self._admin = admin
        self._client = client
        self._keys = keys
        self._partitions = partitions

    def judge(self, records: Sequence[Record], journal: Sequence[Acknowledged], expected: Expected) -> Verdict:
        """The verdict. Call it when nothing moves any more."""
        verdict = Verdict()
        self._log_and_letters(records, journal, verdict)
        self._counters(expected.counts, verdict)
        self._alerts(expected.alerts, verdict)
        self._repeated(verdict)
        return verdict

    def _log_and_letters(self, records: Sequence[Record], journal: Sequence[Acknowledged], verdict: Verdict) -> None:
        held = {(message.partition, message.offset): message.value for message in self._read(ARTICLES.name)}
        gone = [entry for entry in journal if held.get((entry.partition, entry.offset)) != records[entry.n].value]
        verdict.acknowledged_gone = len(gone)
        letters: Counter[tuple[int, int]] = Counter()
        for message in self._read(DEAD_LETTERS.name):
            letter = parse_headers(message)
            place = (letter.partition or 0, letter.offset or 0)
            sound = letter.topic == ARTICLES.name and held.get(place) == message.value and letter.reason
            letters[place if sound else (-1, message.offset)] += 1
        malformed = {record.value for record in records if record.article is None}
        bad = {place for place, value in held.items() if value in malformed}
        acknowledged = {(e.partition, e.offset) for e in journal if records[e.n].article is None}
        missing, surplus = (bad | acknowledged) - letters.keys(), letters.keys() - bad
        verdict.dead_letters_missing, verdict.dead_letters_surplus = len(missing), len(surplus)
        verdict.repeats["dead letters"] = letters.total() - len(letters)
        verdict.repeats["malformed"] = len(bad)
        verdict.examples += [f"acknowledged and gone: {entry}" for entry in gone[:_EXAMPLES]]
        verdict.examples += [f"no dead letter of {place}" for place in sorted(missing)[:_EXAMPLES]]
        verdict.examples += [f"a dead letter of {place}, which is sound" for place in sorted(surplus)[:_EXAMPLES]]

    def _counters(self, expected: Counts, verdict: Verdict) -> None:
        query = Query(by="hour", since=DAY, until=DAY.replace(hour=23, minute=59), limit=1_000_000)
        found: dict[tuple[str, str, str], int] = {}
        for row in read_counters(self._client, self._keys, self._partitions, query):
            found[row.actor or "", row.key, "articles"] = row.articles
            found[row.actor or "", row.key, "mentions"] = row.mentions or 0
        for place in sorted(expected.keys() | found.keys()):
            difference = found.get(place, 0) - expected.get(place, 0)
            verdict.lost += max(0, -difference)
            verdict.double_counted += max(0, difference)
            if difference and len(verdict.examples) < 4 * _EXAMPLES:
                verdict.examples.append(f"{' '.join(place)}: {found.get(place, 0)}, not {expected.get(place, 0)}")

    def _alerts(self, expected: frozenset[str], verdict: Verdict) -> None:
        sent = Counter(msgspec.json.decode(message.value, type=Alert).id for message in self._read(ALERTS.name))
        with answers():
            fed = Counter(decoded(fields).id for _, fields in self._client.xrange(self._keys.feed))
        verdict.alerts_missing = len(expected - sent.keys()) + len(expected - fed.keys())
        verdict.alerts_surplus = len(sent.keys() - expected) + len(fed.keys() - expected)
        verdict.alerts_doubled = fed.total() - len(fed)
        verdict.repeats["alerts in alerts.v1, with the id of an earlier one"] = sent.total() - len(sent)
        verdict.repeats["alerts"] = len(expected)

    def _repeated(self, verdict: Verdict) -> None:
        places = Counter((m.partition, m.header("src.offset")) for m in self._read(MENTIONS.name))
        verdict.repeats["records of mentions.v1 done again"] = places.total() - len(places)

    def _read(self, topic: str) -> Iterator[Message]:
        for partition, (first, following) in self._admin.offsets(topic).items():
            at = first
            while at < following:
                messages = self._admin.read(topic, partition, at, _READ_MAX)
                if not messages:
                    break
                yield from messages
                at = messages[-1].offset + 1


def reached(client: Client, keys: Keys, partitions: int, topics: Sequence[str]) -> dict[int, int]:
    """Per partition of articles.v1, the first offset that is not yet counted from every topic, or whose alert is not
    relayed. Raises StoreUnavailable."""
    with answers(), client.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            for topic in topics:
                pipe.hget(keys.position(topic, partition), "src")
            pipe.xrange(keys.outbox(partition), count=1)
        found = pipe.execute()
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
