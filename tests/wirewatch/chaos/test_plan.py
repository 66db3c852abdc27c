"""The plan of a campaign is a function of its seed, and holds what was asked for."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from wirewatch.chaos.plan import GROUPED, KILLS, MEMBERS_MAX, VICTIMS, Wanted, plan

_WANTED = st.builds(
    Wanted,
    member_kills=st.integers(0, 60),
    redis_kills=st.integers(0, 60),
    broker_kills=st.integers(0, 60),
    kafka=st.booleans(),
    zombies=st.integers(0, 20),
    storms=st.integers(0, 20),
)


@given(st.integers(), _WANTED)
def test_a_plan_holds_exactly_the_kills_and_storms_asked_for(seed: int, wanted: Wanted) -> None:
    kinds = Counter(fault.kind for fault in plan(seed, wanted))
    assert kinds["kill"] == wanted.member_kills
    assert kinds["redis-kill"] + kinds["redis-cut"] == wanted.redis_kills
    assert kinds["broker-kill"] == wanted.broker_kills
    assert sum(kinds[kind] for kind in KILLS) == wanted.member_kills + wanted.redis_kills + wanted.broker_kills
    assert kinds["storm"] == wanted.storms
    assert kinds["zombie"] >= wanted.zombies


@given(st.integers(), _WANTED)
def test_a_seed_gives_the_same_plan_again(seed: int, wanted: Wanted) -> None:
    assert plan(seed, wanted) == plan(seed, wanted)


@given(st.integers(), _WANTED)
def test_nobody_leaves_who_is_the_last_of_its_stage_and_nobody_joins_a_full_one(seed: int, wanted: Wanted) -> None:
    members = dict.fromkeys(GROUPED, 1)
    for fault in plan(seed, wanted):
        if fault.kind in ("join", "leave"):
            members[fault.target] += 1 if fault.kind == "join" else -1
        elif fault.kind == "storm":
            members[fault.target] = 1
        assert all(1 <= number <= MEMBERS_MAX for number in members.values())


def test_every_kind_of_process_is_a_victim_of_a_long_plan() -> None:
    killed = {f.target for f in plan(1, Wanted(120, 50, 30, kafka=True)) if f.kind == "kill"}
    assert killed == set(VICTIMS)


@given(st.integers())
def test_the_embedded_log_gets_no_faults_of_a_broker(seed: int) -> None:
    faults = plan(seed, Wanted(20, 5, 0, kafka=False))
    assert not {"zombie", "broker-net", "broker-kill"} & {fault.kind for fault in faults}
