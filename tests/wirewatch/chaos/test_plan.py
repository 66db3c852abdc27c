"""The plan of a campaign is a function of its seed, and holds the kills that were asked for."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from wirewatch.chaos.plan import KILLS, plan

_KILLS = st.integers(0, 60)


@given(st.integers(), _KILLS, _KILLS, _KILLS)
def test_a_plan_holds_exactly_the_kills_asked_for(seed: int, stages: int, redis: int, broker: int) -> None:
    faults = plan(seed, stage_kills=stages, redis_kills=redis, broker_kills=broker, zombies=True)
    kinds = Counter(fault.kind for fault in faults)
    assert kinds["kill"] == stages
    assert kinds["redis-kill"] + kinds["redis-cut"] == redis
    assert kinds["broker-kill"] == broker
    assert sum(kinds[kind] for kind in KILLS) == stages + redis + broker


@given(st.integers())
def test_a_seed_gives_the_same_plan_again(seed: int) -> None:
    first, second = (plan(seed, stage_kills=12, redis_kills=5, broker_kills=3, zombies=True) for _ in range(2))
    assert first == second


@given(st.integers())
def test_only_a_log_that_replaces_still_members_gets_zombies(seed: int) -> None:
    faults = plan(seed, stage_kills=20, redis_kills=5, broker_kills=0, zombies=False)
    assert "zombie" not in {fault.kind for fault in faults}
