"""New pairs: every reason of a decision."""

from __future__ import annotations

import pytest

from consumers.volume.model import NewPair
from consumers.volume.new_pair import PairDecision, decide_pair

RULE = NewPair(id="p", severity="info", days=10, at_least=2)


@pytest.mark.parametrize(
    ("days", "counted", "raised", "decision"),
    [
        ([1, 0, *[0] * 10], 10, None, PairDecision("below-minimum")),
        ([2, 0, *[0] * 10], 10, None, PairDecision("raised", 0, 2)),
        # Around midnight: one yesterday, one today.
        ([1, 1, *[0] * 10], 10, None, PairDecision("raised", 1, 2)),
        ([0, 2, *[0] * 10], 10, None, PairDecision("raised", 1, 2)),
        # Seen ten days before the first of them, or one more.
        ([2, 0, *[0] * 8, 1, 0], 10, None, PairDecision("seen-lately")),
        ([2, 0, *[0] * 9, 1], 10, None, PairDecision("raised", 0, 2)),
        ([0, 2, *[0] * 9, 1], 10, None, PairDecision("seen-lately")),
        # Without a week that was counted every pair is new.
        ([2, 0, *[0] * 10], 6, None, PairDecision("too-little-history")),
        ([2, 0, *[0] * 10], 7, None, PairDecision("raised", 0, 2)),
        # Raised today or yesterday, for the same first day.
        ([3, 0, *[0] * 10], 10, 0, PairDecision("still-raised", 0, 3)),
        ([3, 2, *[0] * 10], 10, 1, PairDecision("still-raised", 1, 5)),
    ],
)
def test_a_decision_names_its_reason(days: list[int], counted: int, raised: int | None, decision: PairDecision) -> None:
    assert decide_pair(RULE, days, counted, raised) == decision
