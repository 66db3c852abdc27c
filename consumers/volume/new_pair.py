"""Whether two actors in one article were not seen together for long. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from consumers.volume.model import NewPair

PairReason = Literal["raised", "still-raised", "below-minimum", "seen-lately", "too-little-history"]
_DAYS_MIN = 7


@dataclass(frozen=True, slots=True)
class PairDecision:
    """``days_ago``: how many days ago the two were first seen, 0 or 1. ``articles``: since then."""

    reason: PairReason
    days_ago: int = 0
    articles: int = 0


def decide_pair(rule: NewPair, days: Sequence[int], counted: int, raised: int | None) -> PairDecision:
    """``days``: articles that name both, today's first, then of each day before, one more than the rule's days and one.

    Today and yesterday count together, so that a pair is not missed around midnight. ``counted``: of the rule's days
    before, on how many anything was counted at all: without a week of those every pair would be new. ``raised``: how
    many days ago a pair was first seen of which an alert was raised.
    """
    days_ago = 1 if days[1] else 0
    articles = days[0] + days[1]
    if articles < rule.at_least:
        return PairDecision("below-minimum")
    if any(days[days_ago + 1 : days_ago + 1 + rule.days]):
        return PairDecision("seen-lately")
    if counted < min(rule.days, _DAYS_MIN):
        return PairDecision("too-little-history")
    if raised == days_ago:
        return PairDecision("still-raised", days_ago, articles)
    return PairDecision("raised", days_ago, articles)
