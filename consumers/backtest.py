"""What candidate rules would have raised on the retained log, and how that differs from the rules in use.

Both are asked by the code that decides on live articles, for every record of mentions.v1, as it stands in the log: the
log holds what was recognised then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import msgspec

from consumers.matching import matches
from consumers.rules import RuleSet
from consumers.stories.memory_book import MemoryBook
from wirewatch.broker import Message
from wirewatch.records import Alert, Mentions, Moment
from wirewatch.settings import Settings

SAMPLES_PER_CHANGE = 5
_KEPT_MAX = 2_000

Change = Literal["new", "gone", "same"]
StoryOf = Callable[[Mentions], str]
Records = Iterable[tuple[Message, Mentions | None]]


class RuleTally(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate rule: the articles that match it, the alerts (one per story), and how these differ."""

    rule: str
    matches: int
    alerts: int
    alerts_per_day: float
    new: int
    gone: int
    same: int


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: its first article. ``gone``: only the rules in use raise it."""

    change: Change
    alert: Alert


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. An alert is a rule and a story; ``stories`` are those with at least one alert, of which people
    would have been told once. ``before`` is said of the rules in use."""

    since: Moment | None
    until: Moment | None
    """The first and last record that was read, as the broker took them."""
    days: float
    records: int
    articles: int
    complete: bool
    """False where records were left out, as there are too many, or it took too long."""
    alerts: int
    alerts_per_day: float
    stories: int
    alerts_before: int
    alerts_per_day_before: float
    stories_before: int
    new: int
    gone: int
    same: int
    rules: tuple[RuleTally, ...]
    samples: tuple[Sample, ...]
    volume_rules: int
    """Candidate volume rules, which look at counters and are not tried here."""


def backtest(
    records: Records,
    candidate: RuleSet,
    current: RuleSet,
    *,
    story_of: StoryOf,
    complete: bool = True,
    go_on: Callable[[int], bool] = lambda _: True,
) -> Backtest:
    """Try ``candidate`` on the records, in the order of time. ``go_on`` is told after each how many were read; when it
    says False, the rest is left out. ``story_of`` is asked once per article and edit, in order. Pure but for these."""
    run = _Run(candidate, current, story_of)
    for message, mentions in records:
        run.add(message, mentions)
        if not go_on(run.records):
            complete = False
            break
    return run.told(complete)


def stories(settings: Settings) -> StoryOf:
    """Tells which story an article is of, as the relay does (consumers/stories), beginning with an empty book."""
    return MemoryBook(settings.story_hours).story_of


@dataclass
class _Side:
    """One set of rules: what it raised."""

    rules: RuleSet
    alerts: dict[tuple[str, str], Alert | None] = field(default_factory=dict)
    """(rule, story) → its first alert, of the first few."""
    matched: Counter[str] = field(default_factory=Counter)
    stories: set[str] = field(default_factory=set)

    def add(self, found: Iterable[Alert], story: str) -> None:
        for alert in found:
            self.matched[alert.rule] += 1
            self.stories.add(story)
            key = alert.rule, story
            if key not in self.alerts:
                self.alerts[key] = alert if len(self.alerts) < _KEPT_MAX else None


@dataclass
class _Run:
    candidate: RuleSet
    current: RuleSet
    story_of: StoryOf
    records: int = 0
    articles: set[str] = field(default_factory=set)
    first_ms: int | None = None
    last_ms: int = 0

    def __post_init__(self) -> None:
        self.then, self.now = _Side(self.candidate), _Side(self.current)

    def add(self, message: Message, mentions: Mentions | None) -> None:
        self.records += 1
        self.first_ms = message.timestamp_ms if self.first_ms is None else self.first_ms
        self.last_ms = message.timestamp_ms
        if mentions is None or mentions.article_id is None or mentions.status != "ok":
            return
        if mentions.article_id in self.articles and mentions.revision == 1:
            return  # the same article again
        self.articles.add(mentions.article_id)
        at = datetime.fromtimestamp(message.timestamp_ms / 1000, UTC)
        found = [(side, matches(side.rules, mentions, at)) for side in (self.then, self.now)]
        if any(alerts for _, alerts in found):
            story = self.story_of(mentions)
            for side, alerts in found:
                side.add(alerts, story)

    def told(self, complete: bool) -> Backtest:
        changes = self._changes()
        total = Counter(changes.values())
        days = max(self.last_ms - (self.first_ms or 0), 3_600_000) / 86_400_000 if self.records else 0.0
        return Backtest(
            since=_moment(self.first_ms),
            until=_moment(self.last_ms if self.records else None),
            days=round(days, 2),
            records=self.records,
            articles=len(self.articles),
            complete=complete,
            alerts=len(self.then.alerts),
            alerts_per_day=_per_day(len(self.then.alerts), days),
            stories=len(self.then.stories),
            alerts_before=len(self.now.alerts),
            alerts_per_day_before=_per_day(len(self.now.alerts), days),
            stories_before=len(self.now.stories),
            new=total["new"],
            gone=total["gone"],
            same=total["same"],
            rules=self._rules(changes, days),
            samples=self._samples(changes),
            volume_rules=len(self.candidate.volume),
        )

    def _changes(self) -> dict[tuple[str, str], Change]:
        changes: dict[tuple[str, str], Change] = {}
        for key in self.then.alerts:
            changes[key] = "same" if key in self.now.alerts else "new"
        for key in self.now.alerts.keys() - self.then.alerts.keys():
            changes[key] = "gone"
        return changes

    def _rules(self, changes: dict[tuple[str, str], Change], days: float) -> tuple[RuleTally, ...]:
        """Those of the candidate in their order, then those that are there no more."""
        by_rule = Counter((rule, change) for (rule, _), change in changes.items())
        names = dict.fromkeys([rule.id for side in (self.then, self.now) for rule in side.rules.rules])
        tallies = []
        for rule in names:
            new, gone, same = (by_rule[rule, change] for change in ("new", "gone", "same"))
            tallies.append(
                RuleTally(
                    rule=rule,
                    matches=self.then.matched[rule],
                    alerts=new + same,
                    alerts_per_day=_per_day(new + same, days),
                    new=new,
                    gone=gone,
                    same=same,
                )
            )
        return tuple(tallies)

    def _samples(self, changes: dict[tuple[str, str], Change]) -> tuple[Sample, ...]:
        """The newest of each kind, as far as they are kept."""
        wanted: tuple[Change, ...] = ("new", "gone", "same")
        found = []
        for change in wanted:
            side = self.now if change == "gone" else self.then
            own = [alert for key, alert in side.alerts.items() if changes[key] == change and alert is not None]
            found += [Sample(change=change, alert=alert) for alert in own[: -SAMPLES_PER_CHANGE - 1 : -1]]
        return tuple(found)


def _per_day(count: int, days: float) -> float:
    return round(count / days, 2) if days else 0.0


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
