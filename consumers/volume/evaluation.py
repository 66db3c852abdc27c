"""Asks every volume rule of what was counted. Pure: counts, what is open, and the time, to alerts and what is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import msgspec

from consumers.volume.hours import DAY, day_of, hour_at
from consumers.volume.model import NewPair, SilentSource, Spike, VolumeRule, names_of_source, version
from consumers.volume.new_pair import decide_pair
from consumers.volume.silence import decide_silence
from consumers.volume.spike import decide_spike, window
from consumers.volume.telling import PAIR_SEPARATOR, pair_alert, silence_alert, spike_alert
from wirewatch.records import Alert

Hours = Mapping[int, int]
Pair = tuple[str, str]


class Opened(msgspec.Struct, frozen=True):
    """An alert that was raised and whose cause goes on. ``hour``: where its window starts, or its silence began."""

    alert: str
    hour: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, in all the time that the rules ask for. Hours are those of event time (consumers/volume/hours).

    ``now``: the hour that is being counted, the newest in which anything was: where the counters are behind the clock,
    event time is too. ``alive``: the hours in which anything was counted.
    """

    now: int
    actors: Mapping[str, Hours]
    pairs: Mapping[date, Mapping[Pair, int]]
    sources: Mapping[str, Hours]
    alive: frozenset[int]
    names: Mapping[str, str]


@dataclass(slots=True)
class Outcome:
    """``opened``: by subject, those that are new, or None for one that is over. ``reasons``: kind and reason → how
    often."""

    alerts: list[Alert] = field(default_factory=list)
    opened: dict[str, Opened | None] = field(default_factory=dict)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def open(self, subject: str, alert: Alert, hour: int) -> None:
        self.alerts.append(alert)
        self.opened[subject] = Opened(alert.id, hour)


def key_of(rule: VolumeRule, subject: str) -> str:
    """Under which what is open is kept: a rule that is changed starts anew."""
    return f"{rule.id}\x1f{version(rule)}\x1f{subject}"


def evaluate(rules: Iterable[VolumeRule], counts: Counts, opened: Mapping[str, Opened], now: datetime) -> Outcome:
    """What each rule that is in use says. ``opened``: all that is open; of rules that are gone it is dropped."""
    outcome = Outcome()
    in_use = [rule for rule in rules if rule.enabled]
    kept = tuple(key_of(rule, "") for rule in in_use)
    outcome.opened.update({key: None for key in opened if not key.startswith(kept)})
    for rule in in_use:
        own = key_of(rule, "")
        subjects = {key.removeprefix(own): state.hour for key, state in opened.items() if key.startswith(own)}
        match rule:
            case Spike():
                _spikes(rule, counts, subjects, now, outcome)
            case NewPair():
                _pairs(rule, counts, subjects, now, outcome)
            case SilentSource():
                _silences(rule, counts, subjects, now, outcome)
    return outcome


def _spikes(rule: Spike, counts: Counts, opened: Mapping[str, int], now: datetime, outcome: Outcome) -> None:
    for actor in sorted(counts.actors.keys() | opened.keys()):
        if not rule.actors.takes(actor):
            continue
        hours = counts.actors.get(actor, {})
        hour = opened.get(actor)
        # The last window that is complete, then the one that is being counted.
        for last, complete in ((counts.now - 1, True), (counts.now, False)):
            seen = window(rule, hours, counts.alive, last, complete=complete)
            decision = decide_spike(rule, seen, hour)
            outcome.reasons["spike", decision.reason] += 1
            if decision.reason == "raised":
                named = actor, counts.names.get(actor, actor)
                outcome.open(key_of(rule, actor), spike_alert(rule, named, seen, decision, now), seen.start)
                hour = seen.start
            elif decision.reason == "cleared":
                outcome.opened[key_of(rule, actor)] = None
                hour = None


def _pairs(rule: NewPair, counts: Counts, opened: Mapping[str, int], now: datetime, outcome: Outcome) -> None:
    today = day_of(counts.now)
    days = [today - timedelta(days=n) for n in range(rule.days + 2)]
    daily = [counts.pairs.get(day, {}) for day in days]
    alive = {day_of(hour) for hour in counts.alive}
    for pair in sorted(daily[0].keys() | daily[1].keys()):
        if not rule.actors.takes(*pair):
            continue
        subject = PAIR_SEPARATOR.join(pair)
        articles = [day.get(pair, 0) for day in daily]
        first = 1 if articles[1] else 0
        counted = sum(day in alive for day in days[first + 1 : first + 1 + rule.days])
        raised = (hour_at(today, 0) - opened[subject]) // DAY if subject in opened else None
        decision = decide_pair(rule, articles, counted, raised)
        outcome.reasons["new-pair", decision.reason] += 1
        if decision.reason == "raised":
            start = hour_at(days[decision.days_ago], 0)
            named = [(actor, counts.names.get(actor, actor)) for actor in pair]
            outcome.open(key_of(rule, subject), pair_alert(rule, named, start, counted, decision, now), start)
    for subject, hour in opened.items():
        if hour < hour_at(days[1], 0):  # told, and from now on it is one that was seen lately
            outcome.opened.setdefault(key_of(rule, subject), None)


def _silences(rule: SilentSource, counts: Counts, opened: Mapping[str, int], now: datetime, outcome: Outcome) -> None:
    oldest = counts.now - rule.history_days * DAY
    for source in sorted(counts.sources.keys() | opened.keys()):
        if not rule.sources.takes(*names_of_source(source)):
            continue
        hours = {hour: n for hour, n in counts.sources.get(source, {}).items() if oldest <= hour <= counts.now}
        decision = decide_silence(rule, hours, counts.alive, counts.now, opened.get(source))
        outcome.reasons["silent-source", decision.reason] += 1
        key = key_of(rule, source)
        if decision.reason == "raised":
            outcome.open(key, silence_alert(rule, source, counts.now, decision, now), decision.last)
        elif source in opened and decision.last != opened[source]:
            outcome.opened[key] = None
