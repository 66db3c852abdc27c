"""Whether an actor is written about far more than at the same hours of the days before. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from consumers.volume.hours import DAY
from consumers.volume.model import Spike
from consumers.volume.tail import expected

SpikeReason = Literal["raised", "still-raised", "cleared", "below-minimum", "not-unusual", "too-little-history"]
_DAYS_MIN = 3


@dataclass(frozen=True, slots=True)
class Window:
    """An actor's articles in ``hours`` from ``start`` on. ``complete``: all of it has been counted. ``earlier``: the
    articles of the same hours of the days before, of those days on which anything was counted then."""

    start: int
    hours: int
    count: int
    complete: bool
    earlier: Sequence[int]


@dataclass(frozen=True, slots=True)
class SpikeDecision:
    """``expected``: articles. ``chance``: of so many or more at the usual rate. Both 1.0 where it was not asked."""

    reason: SpikeReason
    expected: float = 1.0
    chance: float = 1.0


def window(rule: Spike, counts: Mapping[int, int], alive: AbstractSet[int], last: int, *, complete: bool) -> Window:
    """The window of the rule whose last hour is ``last``. ``alive``: the hours in which anything was counted."""
    start = last - rule.hours + 1
    earlier = []
    for day in range(1, rule.baseline_days + 1):
        same = range(start - day * DAY, last + 1 - day * DAY)
        if any(hour in alive for hour in same):
            earlier.append(sum(counts.get(hour, 0) for hour in same))
    count = sum(counts.get(hour, 0) for hour in range(start, last + 1))
    return Window(start, rule.hours, count, complete, earlier)


def decide_spike(rule: Spike, seen: Window, opened: int | None) -> SpikeDecision:
    """``opened``: the start of the window for which it was raised and is not over yet.

    A window that is not complete may raise, as its count can only grow, and never clears. What raises is the count, the
    ratio and the chance together; what clears is far below both of the first two, so a rate that stays does not flap.
    """
    if opened is None and seen.count < rule.at_least:
        return SpikeDecision("below-minimum")
    if opened is not None and (not seen.complete or seen.start <= opened):
        return SpikeDecision("still-raised")
    if len(seen.earlier) < max(_DAYS_MIN, math.ceil(rule.baseline_days / 2)):
        return SpikeDecision("too-little-history")
    usual = expected(seen.earlier)
    needed = max(rule.at_least, rule.times * usual.mean)
    if opened is not None:
        return SpikeDecision("cleared" if seen.count < rule.clear_share * needed else "still-raised", usual.mean)
    if seen.count < needed:
        return SpikeDecision("not-unusual", usual.mean)
    chance = usual.at_least(seen.count)
    return SpikeDecision("raised" if chance <= rule.significance else "not-unusual", usual.mean, chance)
