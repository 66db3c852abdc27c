"""What a campaign must have led to, from the producer's journal and the articles alone, and what differs. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from consumers.actors import mentions_of
from consumers.matching import matches
from consumers.recognise import Recogniser
from consumers.rules import RuleSet
from wirewatch.broker import Message
from wirewatch.chaos.producer import Acknowledged, Record
from wirewatch.cli.chaos_entities import LABEL, name_in
from wirewatch.records import Article
from wirewatch.stage import Received
from wirewatch.topics import ARTICLES, ENTITIES, MENTIONS

DAY = datetime(2026, 1, 1, tzinfo=UTC)
_EXAMPLES = 5

Counts = Mapping[tuple[str, ...], int]
"""(actor, hour, articles or mentions) → count, or (label, name) → count."""


class Place(NamedTuple):
    """Of a record of articles.v1."""

    partition: int
    offset: int


class Letter(NamedTuple):
    """A dead letter; ``place`` None where it is of no record of articles.v1."""

    place: Place | None
    stage: str
    reason: str
    value: bytes


class Made(NamedTuple):
    """A record of mentions.v1 or entities.v1. ``offset``: of the article record it was made from."""

    offset: int
    status: str
    reason: str | None
    article_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there. ``made``: by topic and partition, in the order of the log; ``sent``, ``fed``: ids of matches."""

    held: Mapping[Place, bytes]
    letters: Sequence[Letter]
    made: Mapping[str, Mapping[int, Sequence[Made]]]
    counts: Counts
    names: Counts
    sent: Sequence[str]
    fed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be there."""

    counts: Counts
    names: Counts
    alerts: frozenset[str]


def expect(records: Sequence[Record], recogniser: Recogniser, rules: RuleSet) -> Expected:
    """The counters and alerts of these acknowledged records: of each article once."""
    counts: Counter[tuple[str, ...]] = Counter()
    names: Counter[tuple[str, ...]] = Counter()
    alerts: set[str] = set()
    for record in {record.article: record for record in records if record.article}.values():
        article = msgspec.json.decode(record.value, type=Article)
        message = Message(ARTICLES.name, 0, 0, 0, None, record.value)
        mentions = mentions_of(Received(article, message), recogniser)
        hour = f"{article.first_seen.astimezone(UTC):%Y-%m-%dT%H:00:00Z}"
        for actor in mentions.actors:
            counts[actor.id, hour, "articles"] += 1
            counts[actor.id, hour, "mentions"] += len(actor.mentions)
        if not record.ends_worker:
            names[LABEL, name_in(article)] += 1
        alerts.update(match.id for match in matches(rules, mentions, DAY))
    return Expected(counts, names, frozenset(alerts))


@dataclass(slots=True)
class Verdict:
    """Numbers of violations, all 0 where the promise holds; beside them examples, and repeats that are fine."""

    acknowledged_gone: int = 0
    lost: int = 0
    double_counted: int = 0
    dead_letters_missing: int = 0
    dead_letters_doubled: int = 0
    dead_letters_surplus: int = 0
    alerts_missing: int = 0
    alerts_doubled: int = 0
    alerts_surplus: int = 0
    mentions_missing: int = 0
    mentions_doubled: int = 0
    entities_missing: int = 0
    entities_doubled: int = 0
    out_of_order: int = 0
    stuck: int = 0
    ended_alone: int = 0
    stopped_late: int = 0
    memory_exceeded: int = 0
    caught_up_slowly: int = 0
    examples: list[str] = field(default_factory=list)
    repeats: dict[str, int] = field(default_factory=dict)

    @property
    def violations(self) -> dict[str, int]:
        names = self.__dataclass_fields__
        return {name: getattr(self, name) for name in names if isinstance(getattr(self, name), int)}

    @property
    def holds(self) -> bool:
        return not any(self.violations.values())

    def show(self, what: str, cases: Sequence[object]) -> int:
        """Note some of the cases as examples; returns how many there are."""
        self.examples += [f"{what}: {case}" for case in cases[:_EXAMPLES]]
        return len(cases)


def judge(records: Sequence[Record], journal: Sequence[Acknowledged], expected: Expected, found: Found) -> Verdict:
    """Compare what is there when nothing moves any more with what must be."""
    verdict = Verdict()
    gone = [
        entry for entry in journal if found.held.get(Place(entry.partition, entry.offset)) != records[entry.n].value
    ]
    verdict.acknowledged_gone = verdict.show("acknowledged and gone", gone)
    by_value = {record.value: record for record in records}
    kinds = {place: by_value.get(value) for place, value in found.held.items()}
    _letters(kinds, found, verdict)
    for topic in (MENTIONS.name, ENTITIES.name):
        _made(topic, kinds, found, verdict)
    missing, surplus = _differences("counter", expected.counts, found.counts, verdict)
    verdict.lost, verdict.double_counted = missing, surplus
    missing, surplus = _differences("name", expected.names, found.names, verdict)
    verdict.entities_missing += missing
    verdict.entities_doubled += surplus
    _alerts(expected.alerts, found, verdict)
    return verdict


def _letters(kinds: Mapping[Place, Record | None], found: Found, verdict: Verdict) -> None:
    """One letter per record that cannot be processed, and none else. The same letter again, from the same place and for
    the same reason, is one letter: that is how it is read (`wirewatch dlq`)."""
    due = {place: why for place, record in kinds.items() if (why := _letter_due(record)) is not None}
    letters: dict[Place, set[tuple[str, str]]] = defaultdict(set)
    surplus: list[object] = []
    for letter in found.letters:
        place = letter.place
        if place is None or place not in due or found.held[place] != letter.value or not _fits(letter, due[place]):
            surplus.append(letter)
        else:
            letters[place].add((letter.stage, letter.reason))
    doubled = sorted(place for place, whys in letters.items() if len(whys) > 1)
    verdict.dead_letters_missing = verdict.show("no dead letter", sorted(due.keys() - letters.keys()))
    verdict.dead_letters_doubled = verdict.show("different dead letters", doubled)
    verdict.dead_letters_surplus = verdict.show("a dead letter that should not be", surplus)
    verdict.repeats["dead letters, the same again"] = len(found.letters) - len(surplus) - len(letters)
    verdict.repeats["malformed"] = sum(stage == "actors" for stage, _ in due.values())
    verdict.repeats["that end a worker"] = sum(stage == "entities" for stage, _ in due.values())


def _letter_due(record: Record | None) -> tuple[str, str] | None:
    """Who must reject it, and why (empty: any reason)."""
    if record is None:
        return None
    if record.article is None:
        return "actors", ""
    return ("entities", "worker-crash") if record.ends_worker else None


def _fits(letter: Letter, due: tuple[str, str]) -> bool:
    stage, reason = due
    return letter.stage == stage and bool(letter.reason) and reason in ("", letter.reason)


def _made(topic: str, kinds: Mapping[Place, Record | None], found: Found, verdict: Verdict) -> None:
    """Per partition one record for each article record: first occurrences in order and without a gap, and what is made
    again after a kill says the same."""
    missing: list[object] = []
    doubled: list[object] = []
    disorder: list[object] = []
    repeats = 0
    offsets: dict[int, set[int]] = defaultdict(set)
    for place in kinds:
        offsets[place.partition].add(place.offset)
    for partition, made in found.made.get(topic, {}).items():
        first: dict[int, Made] = {}
        for record in made:
            if record.offset not in first:
                if record.offset != len(first):
                    disorder.append((topic, partition, record.offset))
                first[record.offset] = record
            elif first[record.offset] != record:
                doubled.append((topic, partition, record, first[record.offset]))
            else:
                repeats += 1
        own = offsets.pop(partition, set())
        missing += [(topic, partition, offset) for offset in sorted(own - first.keys())]
        doubled += [(topic, partition, offset) for offset in sorted(first.keys() - own)]
        wrong = (
            first[n] for n in sorted(own & first.keys()) if not _right(topic, kinds[Place(partition, n)], first[n])
        )
        missing += [(topic, partition, record) for record in wrong]
    missing += [(topic, partition, offset) for partition, own in offsets.items() for offset in sorted(own)]
    name = topic.partition(".")[0]
    setattr(verdict, f"{name}_missing", verdict.show(f"{name} missing or wrong", missing))
    setattr(verdict, f"{name}_doubled", verdict.show(f"{name} doubled", doubled))
    verdict.out_of_order += verdict.show("out of order", disorder)
    verdict.repeats[f"records of {topic} done again"] = repeats


def _right(topic: str, record: Record | None, made: Made) -> bool:
    if record is None:
        return True
    if record.article is None:
        return made.status == "dlq" and bool(made.reason)
    if record.ends_worker and topic == ENTITIES.name:
        return made.status == "dlq" and made.reason == "worker-crash"
    return made.status in ("ok", "none") and made.article_id == record.article


def _differences(what: str, expected: Counts, found: Counts, verdict: Verdict) -> tuple[int, int]:
    """How much is missing, and how much too much."""
    differing = {
        place: difference
        for place in sorted(expected.keys() | found.keys())
        if (difference := found.get(place, 0) - expected.get(place, 0))
    }
    shown = [f"{' '.join(place)}: {found.get(place, 0)}, not {expected.get(place, 0)}" for place in differing]
    verdict.show(what, shown)
    return sum(max(0, -each) for each in differing.values()), sum(max(0, each) for each in differing.values())


def _alerts(expected: frozenset[str], found: Found, verdict: Verdict) -> None:
    sent, fed = Counter(found.sent), Counter(found.fed)
    for read in (sent, fed):
        verdict.alerts_missing += verdict.show("no alert", sorted(expected - read.keys()))
        verdict.alerts_surplus += verdict.show("an alert that should not be", sorted(read.keys() - expected))
    verdict.alerts_doubled = verdict.show("alert doubled", [alert for alert, times in fed.items() if times > 1])
    verdict.repeats["alerts in alerts.v1, with the id of an earlier one"] = sent.total() - len(sent)
    verdict.repeats["alerts"] = len(expected)
