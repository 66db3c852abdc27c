"""Spikes: every reason of a decision, what raises and what clears, and how often chance alone raises one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.volume.model import Spike
from consumers.volume.spike import SpikeDecision, Window, decide_spike, window
from consumers.volume.tail import expected

RULE = Spike(id="s", severity="info")
QUIET_DAYS = [6, 4, 7, 5, 8, 6, 6, 5, 7, 6, 4, 8, 6, 6]
SEED = 20961124


def seen(count: int, *, complete: bool = True, start: int = 1_000, earlier: list[int] | None = None) -> Window:
    return Window(start, 1, count, complete, QUIET_DAYS if earlier is None else earlier)


@pytest.mark.parametrize(
    ("found", "opened", "reason"),
    [
        # Below the least count nothing is asked, whatever was before.
        (seen(9, earlier=[0] * 14), None, "below-minimum"),
        (seen(10, earlier=[0] * 14), None, "raised"),
        # Half of the days must have been counted.
        (seen(42, earlier=[6] * 6), None, "too-little-history"),
        (seen(42, earlier=[6] * 7), None, "raised"),
        # Three times what is expected, and too unlikely to be chance: both.
        (seen(17), None, "not-unusual"),
        (seen(42), None, "raised"),
        (seen(42, complete=False), None, "raised"),
        (seen(20, earlier=[0, 0, 25, 0, 0, 12, 0, 0, 0, 0, 9, 0, 0, 0]), None, "not-unusual"),
        # Raised once; the window of the alert itself, and one that is still counted, never clear it.
        (seen(42), 999, "still-raised"),
        (seen(0), 1_000, "still-raised"),
        (seen(0, complete=False), 999, "still-raised"),
        # Less than three times, but more than half of that: it goes on.
        (seen(12), 999, "still-raised"),
        (seen(9), 999, "cleared"),
        (seen(0), 999, "cleared"),
        (seen(0, earlier=[]), 999, "too-little-history"),
    ],
)
def test_a_decision_names_its_reason(found: Window, opened: int | None, reason: str) -> None:
    assert decide_spike(RULE, found, opened).reason == reason


def test_a_decision_tells_what_was_expected_and_how_likely_it_was() -> None:
    decision = decide_spike(RULE, seen(42), None)
    assert decision == SpikeDecision("raised", decision.expected, decision.chance)
    assert decision.expected == pytest.approx(6, abs=0.1)
    assert decision.chance < RULE.significance


def test_a_window_adds_up_its_hours_and_the_same_hours_of_days_on_which_anything_was_counted() -> None:
    rule = Spike(id="s", severity="info", hours=2, baseline_days=3)
    counts = {100: 5, 99: 2, 98: 100, 76: 1, 75: 1, 52: 9, 28: 7}
    assert window(rule, counts, {75, 28}, 100, complete=True) == Window(99, 2, 7, True, [2, 7])


@given(st.lists(st.integers(0, 400), min_size=2, max_size=60), st.integers(0, 3_000))
def test_chances_are_chances_and_fall_with_the_count(earlier: list[int], count: int) -> None:
    usual = expected(earlier)
    chances = [usual.at_least(n) for n in (count, count + 1)]
    assert 0 <= chances[1] <= chances[0] <= 1
    assert usual.at_least(0) == 1


@pytest.mark.parametrize("earlier", [[0, 0, 0], [3, 5, 4], [40, 2, 11]])
def test_the_tail_is_the_sum_of_its_terms(earlier: list[int]) -> None:
    usual = expected(earlier)
    size, ratio = usual.mean**2 / (usual.variance - usual.mean), usual.mean / usual.variance
    term, below = ratio**size, 0.0
    for count in range(200):
        assert usual.at_least(count) == pytest.approx(1 - below, abs=1e-9)
        below += term
        term *= (count + size) / (count + 1) * (1 - ratio)


@pytest.mark.parametrize("rate", [0.3, 3.0, 30.0])
def test_stationary_poisson_noise_raises_no_more_often_than_the_rule_says(rate: float) -> None:
    rule = Spike(id="s", severity="info", at_least=1, times=1, significance=1e-3)
    counts = np.random.default_rng(SEED).poisson(rate, (20_000, 15))
    raised = sum(
        decide_spike(rule, seen(int(row[0]), earlier=[int(n) for n in row[1:]]), None).reason == "raised"
        for row in counts
    )
    stated = len(counts) * rule.significance
    # Four standard deviations above the stated rate: once in 30,000 runs by chance, and the seed is fixed.
    assert raised <= stated + 4 * math.sqrt(stated), f"seed {SEED}: {raised} windows, stated {stated}"


@settings(max_examples=60, deadline=None)
@given(
    before=st.integers(0, 30),
    after=st.integers(0, 300),
    rule=st.builds(
        lambda times, share, hours: Spike(id="s", severity="info", times=times, clear_share=share, hours=hours),
        st.floats(1.5, 6),
        st.floats(0, 0.9),
        st.sampled_from((1, 3)),
    ),
)
def test_a_rate_that_changes_once_raises_at_most_one_alert(before: int, after: int, rule: Spike) -> None:
    change, end = 20 * 24, 45 * 24
    counts = {hour: after if hour >= change else before for hour in range(end)}
    alive = frozenset(counts)
    opened, raised = None, 0
    for now in range(change - 24, end, 2 if rule.hours == 1 else 5):
        for last, complete in ((now - 1, True), (now, False)):
            decision = decide_spike(rule, window(rule, counts, alive, last, complete=complete), opened)
            if decision.reason == "raised":
                raised, opened = raised + 1, last - rule.hours + 1
            elif decision.reason == "cleared":
                opened = None
    assert raised <= 1
    if after <= before:
        assert not raised
