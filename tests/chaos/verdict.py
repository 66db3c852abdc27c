"""Whether the system kept its promise, judged by the journal and the articles alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from consumers.alert_feed import Wanted, read_page
from consumers.keys import Keys
from consumers.reading import Query, read_counters
from consumers.recognise import Recogniser, recognise
from tests.chaos.journal import Journal
from wirewatch import dead_letters
from wirewatch.broker import Broker
from wirewatch.cli.wiring import open_redis
from wirewatch.records import Article
from wirewatch.settings import Settings
from wirewatch.topics import DEAD_LETTERS

Cell = tuple[str, str]
"""Actor and hour, RFC 3339 without minutes."""


@dataclass(slots=True)
class Verdict:
    """Empty means exact. Each is a list of readable differences."""

    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    letters_missing: list[str] = field(default_factory=list)
    letters_strange: list[str] = field(default_factory=list)
    alerts_missing: list[str] = field(default_factory=list)
    alerts_double: list[str] = field(default_factory=list)

    def exact(self) -> bool:
        return not any(getattr(self, name) for name in self.__slots__)


def judge(journal: Journal, recogniser: Recogniser, broker: Broker, settings: Settings) -> Verdict:
    """Compare what is in Redis and in the dead letters with what the journal says should be."""
    verdict = Verdict()
    distinct = {article.id: article for article in journal.articles.values()}
    expected, naming = _expected(distinct, recogniser)
    _judge_counters(verdict, expected, _counted(settings, distinct))
    _judge_letters(verdict, journal, broker)
    _judge_alerts(verdict, naming, settings)
    return verdict


def _expected(distinct: Mapping[str, Article], recogniser: Recogniser) -> tuple[dict[Cell, tuple[int, int]], set[str]]:
    articles: Counter[Cell] = Counter()
    mentions: Counter[Cell] = Counter()
    naming = set()
    for article in distinct.values():
        for actor in recognise(article, recogniser).actors:
            cell = (actor.id, f"{article.first_seen:%Y-%m-%dT%H}")
            articles[cell] += 1
            mentions[cell] += len(actor.mentions)
            naming.add(article.id)
    return {cell: (articles[cell], mentions[cell]) for cell in articles}, naming


def _counted(settings: Settings, distinct: Mapping[str, Article]) -> dict[Cell, tuple[int, int]]:
    times = [article.first_seen for article in distinct.values()]
    query = Query(by="hour", since=min(times), until=max(times) + timedelta(hours=1), limit=1_000_000)
    client = open_redis(settings)
    try:
        rows = read_counters(client, Keys(settings.redis_prefix), settings.partitions, query)
    finally:
        client.close()
    return {(row.actor or "", row.key[:13]): (row.articles, row.mentions or 0) for row in rows}


def _judge_counters(
    verdict: Verdict, expected: Mapping[Cell, tuple[int, int]], counted: Mapping[Cell, tuple[int, int]]
) -> None:
    for cell in sorted(expected.keys() | counted.keys()):
        should, does = expected.get(cell, (0, 0)), counted.get(cell, (0, 0))
        if does < should:
            verdict.lost.append(f"{cell}: {does} instead of {should}")
        elif does > should:
            verdict.double.append(f"{cell}: {does} instead of {should}")


def _judge_letters(verdict: Verdict, journal: Journal, broker: Broker) -> None:
    """By origin: a letter written again after a crash has the same origin and is one letter."""
    admin = broker.admin()
    found: dict[tuple[int, int], bytes] = {}
    try:
        for partition, (first, following) in admin.offsets(DEAD_LETTERS.name).items():
            for message in admin.read(DEAD_LETTERS.name, partition, first, following - first):
                told = dead_letters.parse_headers(message)
                found[(told.partition or 0, told.offset or 0)] = message.value
    finally:
        admin.close()
    # What was written but not acknowledged was sent again: such a letter has the bytes of one in the journal.
    known = set(journal.malformed.values())
    verdict.letters_missing = [str(place) for place in journal.malformed if place not in found]
    verdict.letters_strange = [str(place) for place, value in found.items() if value not in known]


def _judge_alerts(verdict: Verdict, naming: set[str], settings: Settings) -> None:
    client, keys = open_redis(settings), Keys(settings.redis_prefix)
    raised: Counter[str] = Counter()
    before: str | None = None
    try:
        while True:
            page = read_page(client, keys, Wanted(), limit=1_000, before=before)
            raised.update(fed.alert.article_id for fed in page.alerts)
            before = page.before
            if before is None:
                break
    finally:
        client.close()
    verdict.alerts_missing = sorted(naming - raised.keys())
    verdict.alerts_double = sorted(id_ for id_, times in raised.items() if times > 1 or id_ not in naming)
