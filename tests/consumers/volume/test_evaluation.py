"""All rules over all counts: whatever was counted, nothing is raised twice, and what is open is dropped in time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.rule_file import load_rules
from consumers.volume.evaluation import Counts, Opened, Outcome, evaluate
from consumers.volume.hours import DAY, day_of, hour_of
from tests.consumers.making import NOON

RULES = load_rules().volume
NOW = hour_of(NOON)
HOURS = range(NOW - 40 * DAY, NOW + 1)
ACTORS = ("nato", "iran", "islamic-state")


@st.composite
def everything_counted(draw: st.DrawFn) -> Counts:
    """Steady counts with a few changes, also in the last hours."""
    changes = st.dictionaries(st.integers(HOURS.start, NOW), st.integers(0, 90), max_size=12)
    late = st.dictionaries(st.integers(NOW - 3, NOW), st.integers(0, 90))
    sources = {}
    for source in ("Wire", "Bote", "x.example"):
        every, end = draw(st.integers(1, 9)), draw(st.integers(NOW - 60, NOW))
        sources[source] = {hour: 2 for hour in HOURS if hour % every == 0 and hour <= end}
    actors = {}
    for actor in ACTORS:
        steady = draw(st.integers(0, 6))
        actors[actor] = {hour: steady for hour in HOURS if steady} | draw(changes) | draw(late)
    pairs = {
        day_of(NOW) - timedelta(days=n): {("iran", "nato"): draw(st.integers(1, 4))}
        for n in draw(st.sets(st.integers(0, 34), max_size=3))
    }
    alive = frozenset(hour for hours in sources.values() for hour in hours)
    return Counts(now=max(alive), actors=actors, pairs=pairs, sources=sources, alive=alive, names={"nato": "NATO"})


def after(opened: Mapping[str, Opened], outcome: Outcome) -> dict[str, Opened]:
    merged = {**opened, **outcome.opened}
    return {key: state for key, state in merged.items() if state is not None}


@settings(max_examples=60, deadline=None)
@given(everything_counted())
def test_who_asks_again_is_told_nothing_new(counts: Counts) -> None:
    first = evaluate(RULES, counts, {}, NOON)
    again = evaluate(RULES, counts, after({}, first), NOON)
    assert again.alerts == []
    assert {key for key, state in again.opened.items() if state} == set()
    assert len({alert.id for alert in first.alerts}) == len(first.alerts)
    # Without its memory it raises the same alerts, by the same ids: the feed knows them.
    assert [alert.id for alert in evaluate(RULES, counts, {}, NOON).alerts] == [alert.id for alert in first.alerts]


@settings(max_examples=30, deadline=None)
@given(everything_counted())
def test_what_is_open_of_rules_that_are_gone_or_off_is_dropped(counts: Counts) -> None:
    opened = after({}, evaluate(RULES, counts, {}, NOON))
    for rules in (RULES[:0], RULES[:1]):
        left = after(opened, evaluate(rules, counts, opened, NOON))
        assert all(key.startswith(tuple(f"{rule.id}\x1f" for rule in rules)) for key in left)
