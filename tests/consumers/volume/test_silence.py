"""Silent sources: every reason of a decision, and how seldom chance alone raises one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.volume.hours import DAY
from consumers.volume.model import SilentSource
from consumers.volume.silence import decide_silence

RULE = SilentSource(id="q", severity="info")
NOW = 30 * DAY * 2
START = NOW - 28 * DAY
ALIVE = frozenset(range(START, NOW + 1))
SEED = 20961124


def until(last: int, *, every: int = 1, hours: range = range(24), start: int = START) -> dict[int, int]:
    """Two articles every so many hours, in these hours of the day, up to ``last``."""
    return {hour: 2 for hour in range(start, last + 1) if hour % every == 0 and hour % DAY in hours}


@pytest.mark.parametrize(
    ("counts", "alive", "now", "opened", "reason"),
    [
        ({}, ALIVE, NOW, None, "too-little-history"),
        (until(NOW - 1), ALIVE, NOW, None, "heard-lately"),
        # Six whole hours, the least.
        (until(NOW - 6), ALIVE, NOW, None, "heard-lately"),
        (until(NOW - 9), ALIVE, NOW, None, "raised"),
        # One that writes twice a day is no news after nine hours, and is after ten days.
        (until(NOW - 9, every=12), ALIVE, NOW, None, "not-unusual"),
        (until(NOW - 11 * DAY, every=12), ALIVE, NOW, None, "raised"),
        # Asleep by night: the hours from 18 to 6 do not count.
        (until(NOW - DAY + 17, hours=range(7, 18)), ALIVE, NOW + 6, None, "not-unusual"),
        (until(NOW - DAY + 17, hours=range(7, 18)), ALIVE | set(range(NOW, NOW + 18)), NOW + 17, None, "raised"),
        # Nothing came from anyone: that is our silence.
        (until(NOW - 9), frozenset(range(START, NOW - 8)), NOW, None, "not-unusual"),
        # A week and twenty articles make a rhythm.
        (until(NOW - 9, start=NOW - 7 * DAY), ALIVE, NOW, None, "too-little-history"),
        (until(NOW - 9, every=48), ALIVE, NOW, None, "not-unusual"),
        (dict.fromkeys(range(START, NOW - 10 * DAY, 48), 1), ALIVE, NOW, None, "too-little-history"),
        # It was as silent twice before; once may have been a failure.
        ({h: 2 for h in until(NOW - 12) if (h - START) % 211 not in range(190, 204)}, ALIVE, NOW, None, "as-before"),
        ({h: 2 for h in until(NOW - 9) if h not in range(START + 400, START + 410)}, ALIVE, NOW, None, "raised"),
        # Raised once for a silence; over with the next article.
        (until(NOW - 9), ALIVE, NOW, NOW - 9, "still-raised"),
        (until(NOW), ALIVE, NOW, NOW - 9, "cleared"),
    ],
)
def test_a_decision_names_its_reason(
    counts: dict[int, int], alive: frozenset[int], now: int, opened: int | None, reason: str
) -> None:
    assert decide_silence(RULE, counts, alive, now, opened).reason == reason


def test_a_decision_tells_in_how_many_hours_an_article_was_missed() -> None:
    decision = decide_silence(RULE, until(NOW - 9), ALIVE, NOW, None)
    assert decision.last == NOW - 9
    assert decision.missed == pytest.approx(8, abs=1)


@given(st.integers(7, 300), st.integers(1, 300))
def test_a_silence_that_was_raised_stays_raised_until_it_ends(silent: int, more: int) -> None:
    counts = until(NOW - silent)
    alive = ALIVE | set(range(NOW, NOW + more + 1))
    assert decide_silence(RULE, counts, alive, NOW + more, NOW - silent).reason == "still-raised"
    assert decide_silence(RULE, {**counts, NOW + more: 1}, alive, NOW + more, NOW - silent).reason == "cleared"


@pytest.mark.parametrize("rate", [0.1, 1.0, 4.0])
def test_a_source_with_a_steady_rate_is_not_called_silent(rate: float) -> None:
    random = np.random.default_rng(SEED)
    rule = SilentSource(id="q", severity="info", hours=1, significance=1e-3)
    raised = silences = 0
    for _ in range(10):
        counts = {START + hour: int(n) for hour, n in enumerate(random.poisson(rate, 31 * DAY)) if n}
        alive = frozenset(range(START, START + 31 * DAY))
        opened = None
        for now in range(START + 28 * DAY, START + 31 * DAY):
            known = {hour: n for hour, n in counts.items() if hour <= now}
            decision = decide_silence(rule, known, alive, now, opened)
            silences += now in counts
            if decision.reason == "raised":
                raised, opened = raised + 1, decision.last
    # The chance is one for each silence, of which there is one after each hour with an article.
    assert raised <= silences * rule.significance + 4 * (silences * rule.significance) ** 0.5 + 1, (
        f"seed {SEED}: {raised} of {silences}"
    )
