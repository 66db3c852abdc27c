"""Whether a source has gone silent against its own rhythm. Pure functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from consumers.volume.hours import DAY, begins
from consumers.volume.model import SilentSource

SilenceReason = Literal[
    "raised", "still-raised", "cleared", "heard-lately", "not-unusual", "as-before", "too-little-history"
]
_HISTORY_HOURS_MIN = 7 * DAY
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class SilenceDecision:
    """``last``: the last hour with an article. ``missed``: how many hours since then would usually have had one."""

    reason: SilenceReason
    last: int = 0
    missed: float = 0.0


def decide_silence(
    rule: SilentSource, counts: Mapping[int, int], alive: AbstractSet[int], now: int, opened: int | None
) -> SilenceDecision:
    """``counts``: the source's articles by hour, of the rule's history. ``alive``: the hours in which anything was
    counted; the others are our silence and not the source's. ``now``: the hour that is being counted. ``opened``: the
    last hour with an article before a silence that was raised.

    Each hour of the day, of working days and of weekends apart, has a chance of an article, from the history; taken as
    independent, they give the chance of the silence. Hours in which the source usually is silent add nothing to that.
    The independence is checked by the history itself: it must not have been as silent twice before.
    """
    if not counts:
        return SilenceDecision("too-little-history")
    last, first = max(counts), min(counts)
    if now - last <= rule.hours:
        return SilenceDecision("heard-lately" if opened is None else "cleared", last)
    if opened == last:
        return SilenceDecision("still-raised", last)
    if sum(counts.values()) < rule.articles_min or last - first < _HISTORY_HOURS_MIN:
        return SilenceDecision("too-little-history", last)
    chances = _chances(counts, alive, first, last)
    hours = [hour for hour in range(last + 1, now) if hour in alive]
    missed = sum(chances.get(_kind(hour), 0.0) for hour in hours)
    surprise = sum(_surprise(chances, hour) for hour in hours)
    if surprise < -math.log(rule.significance):
        return SilenceDecision("not-unusual", last, missed)
    before = sorted(_gaps(counts, alive, chances, first, last))
    if len(before) > 1 and surprise <= before[-2]:
        return SilenceDecision("as-before", last, missed)
    return SilenceDecision("raised", last, missed)


def _kind(hour: int) -> tuple[int, bool]:
    moment = begins(hour)
    return moment.hour, moment.weekday() >= _SATURDAY


def _chances(
    counts: Mapping[int, int], alive: AbstractSet[int], first: int, last: int
) -> Mapping[tuple[int, bool], float]:
    """Of an article in an hour of each kind; a little below the share that was seen, so that none is certain."""
    asked = Counter(_kind(hour) for hour in range(first, last + 1) if hour in alive)
    heard = Counter(_kind(hour) for hour in counts)
    return {kind: heard[kind] / (number + 1) for kind, number in asked.items()}


def _surprise(chances: Mapping[tuple[int, bool], float], hour: int) -> float:
    return -math.log1p(-min(chances.get(_kind(hour), 0.0), 0.999))


def _gaps(
    counts: Mapping[int, int],
    alive: AbstractSet[int],
    chances: Mapping[tuple[int, bool], float],
    first: int,
    last: int,
) -> Iterator[float]:
    """How surprising each silence of the past was."""
    total = 0.0
    for hour in range(first, last + 1):
        if hour in counts:
            yield total
            total = 0.0
        elif hour in alive:
            total += _surprise(chances, hour)
