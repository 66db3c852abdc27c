"""What must hold at the end of a run, worked out from what was published and from nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec

from tests.consumers.making import KEYS
from tests.simulation.log import SimLog
from tests.simulation.redis_model import Model
from wirewatch.dead_letters import parse_headers
from wirewatch.records import Alert
from wirewatch.topics import ALERTS, ARTICLES, DEAD_LETTERS

SEEN_DAYS = 3
_DAY_MS = 86_400_000


class Violation(Exception):
    """A run did not keep the promise."""


class Expected:
    """Told of every record in the order of its partition."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._alerted: set[str] = set()
        self._letters: set[tuple[int, int]] = set()
        self._last: dict[str, int] = {}
        self._seen_day = [0, 0]
        self._alerts = 0

    def accepted(self, partition: int, article_id: str, actors: list[str], at: datetime, received_ms: int) -> None:
        own = f"ww:{{m{partition}}}"
        stamp, hour = f"{at:%Y%m%d}", f"{at:%H}"
        day = received_ms // _DAY_MS
        last = self._last.get(article_id)
        self._last[article_id] = day
        if last is not None and day - last <= SEEN_DAYS:
            self._counts[f"{own}:totals:{stamp}", "dup"] += 1
            return
        self._counts[f"{own}:totals:{stamp}", "ok" if actors else "none"] += 1
        for actor in actors:
            self._counts[f"{own}:hour:{stamp}:{actor}", f"a{hour}"] += 1
            self._counts[f"{own}:hour:{stamp}:{actor}", f"m{hour}"] += 1
            self._counts[f"{own}:actors:{stamp}", actor] += 1
        if actors:
            self._alerted.add(article_id)

    def rejected(self, partition: int, offset: int, at: datetime) -> None:
        self._counts[f"ww:{{m{partition}}}:totals:{at:%Y%m%d}", "dlq"] += 1
        self._letters.add((partition, offset))

    def check(self, log: SimLog, model: Model) -> None:
        """Raises Violation that says what is wrong."""
        held = Counter(
            {
                (name, field): int(n)
                for name, fields in model.data.items()
                if name.split(":")[2] in ("totals", "hour", "actors")
                for field, n in fields.items()
            }
        )
        _same("counted", held, self._counts)
        if model.gaps:
            raise Violation(f"{model.gaps} source offsets never arrived")
        letters = [parse_headers(message) for own in log.topic(DEAD_LETTERS.name) for message in own]
        if any(letter.topic != ARTICLES.name for letter in letters):
            raise Violation("a record that is no article was dead-lettered")
        _same("dead letters", {(letter.partition, letter.offset) for letter in letters}, self._letters)
        self._check_alerts(log, model)

    def _check_alerts(self, log: SimLog, model: Model) -> None:
        feed = [msgspec.json.decode(fields["alert"], type=Alert) for fields in model.stream(KEYS.feed).values()]
        sent = [msgspec.json.decode(message.value, type=Alert) for own in log.topic(ALERTS.name) for message in own]
        if len({alert.id for alert in feed}) != len(feed):
            raise Violation("an alert is in the feed twice")
        matches = set(model.data.get(KEYS.feed_matches, {}))
        if matches != {alert.match for alert in sent}:
            raise Violation(f"feed and topic differ: {matches ^ {alert.match for alert in sent}}")
        if len(matches) != len(self._alerted):
            raise Violation(f"{len(matches)} matches in the feed, {len(self._alerted)} articles have one")
        told = Counter(article.article_id for alert in feed for article in alert.articles)
        if sum(alert.story_articles for alert in feed) != len(matches) or len(told) != told.total():
            raise Violation("a match is in no alert, or in two")
        if any(alert not in sent for alert in feed):
            raise Violation("an alert of the feed is not in the topic as it is there")
        streams = [*(KEYS.outbox(partition) for partition in range(log.partitions)), KEYS.feed_inbox, KEYS.feed_sending]
        if any(model.stream(name) for name in streams):
            raise Violation("matches or alerts are left on their way")


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        if isinstance(found, Counter) and isinstance(expected, Counter):
            wrong = {key: (found[key], expected[key]) for key in found | expected if found[key] != expected[key]}
            raise Violation(f"{what}: found and expected differ in {wrong}")
        raise Violation(f"{what}: found {found}, expected {expected}")
