"""What a campaign does and in which order: a pure function of its seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "kill", "redis-kill", "redis-cut", "broker-kill",
    "zombie", "pause", "join", "leave", "storm", "redis-net", "broker-net", "producer", "away",
]  # fmt: skip
KILLS: frozenset[Kind] = frozenset({"kill", "redis-kill", "redis-cut", "broker-kill"})
"""Faults that count as kills: kill -9 of a member, of a worker process, of Redis, of the broker."""

STAGES = ("actors", "entities", "counters", "relay")
WORKER = "entities worker"
"""A child of the entities stage."""
VICTIMS = (*STAGES, WORKER)
GROUPED = ("actors", "entities", "counters")
"""Stages whose members share partitions, so that joining and leaving moves some."""
MEMBERS_MAX = 4
NET = ("drop", "delay", "half-open", "reset")

_CUT_SHARE = 0.5
_OVERLAP_SHARE = 0.2
_EXTRA_SHARE = 0.4
_CUT_BYTES_MAX = 64 << 10


@dataclass(frozen=True, slots=True)
class Fault:
    """One disturbance. ``target``: a victim, a server, or what the network does. ``amount``: bytes cut, or seconds.
    ``alone``: whether the next one waits until the system has recovered from it."""

    kind: Kind
    target: str = ""
    amount: int = 0
    alone: bool = True
    delay_seconds: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.kind} {self.target}".strip()


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many of what. ``kafka``: the log is one with a server, which replaces a member that stands still."""

    member_kills: int
    redis_kills: int
    broker_kills: int
    kafka: bool
    zombies: int = 0
    storms: int = 0


def plan(seed: int, wanted: Wanted) -> Sequence[Fault]:
    """The faults in order: the kills, zombies and storms asked for, shuffled, and among them others (about two to five
    kills). A member leaves only where its stage then has another."""
    random_ = random.Random(seed)  # noqa: S311 - not for secrets
    faults = [Fault("kill", random_.choice(VICTIMS)) for _ in range(wanted.member_kills)]
    for _ in range(wanted.redis_kills):
        cut = random_.random() < _CUT_SHARE
        faults.append(Fault("redis-cut", amount=random_.randint(1, _CUT_BYTES_MAX)) if cut else Fault("redis-kill"))
    faults += [Fault("broker-kill") for _ in range(wanted.broker_kills)]
    faults += _others(random_, round(len(faults) * _EXTRA_SHARE), kafka=wanted.kafka)
    faults += [Fault("zombie", random_.choice(GROUPED)) for _ in range(wanted.zombies)]
    faults += [Fault("storm", random_.choice(GROUPED)) for _ in range(wanted.storms)]
    random_.shuffle(faults)
    faults = _with_members_to_leave(random_, faults)
    return [
        replace(
            fault,
            alone=number == len(faults) - 1 or random_.random() >= _OVERLAP_SHARE,
            delay_seconds=round(random_.uniform(0, 0.6), 3),
        )
        for number, fault in enumerate(faults)
    ]


def _others(random_: random.Random, count: int, *, kafka: bool) -> list[Fault]:
    kinds: tuple[Kind, ...] = (
        ("broker-net", "join", "redis-net", "zombie", "leave", "producer")
        if kafka
        else ("redis-net", "join", "pause", "leave", "producer")
    )
    found = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        net = kind in ("redis-net", "broker-net")
        target = "" if kind == "producer" else random_.choice(NET if net else GROUPED)
        found.append(Fault(kind, target))
    return found


def _with_members_to_leave(random_: random.Random, faults: Sequence[Fault]) -> list[Fault]:
    """The same, so that nobody leaves who is the last of its stage, and nobody joins a full one."""
    members = dict.fromkeys(GROUPED, 1)
    placed = []
    for fault in faults:
        several = [stage for stage in GROUPED if members[stage] > 1]
        room = [stage for stage in GROUPED if members[stage] < MEMBERS_MAX]
        if fault.kind in ("join", "leave"):
            leaves = not room or (fault.kind == "leave" and bool(several))
            open_to = several if leaves else room
            target = fault.target if fault.target in open_to else random_.choice(open_to)
            members[target] += -1 if leaves else 1
            placed.append(replace(fault, kind="leave" if leaves else "join", target=target))
        else:
            if fault.kind == "storm":
                members[fault.target] = 1
            placed.append(fault)
    return placed
