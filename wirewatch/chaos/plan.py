"""What a campaign does and in which order: a pure function of its seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "kill", "zombie", "pause", "join", "leave", "redis-kill", "redis-cut", "broker-kill", "net", "producer", "away"
]
KILLS: frozenset[Kind] = frozenset({"kill", "redis-kill", "redis-cut", "broker-kill"})
"""Faults that count as kills: kill -9 of a stage, of Redis, of the broker."""

STAGES = ("actors", "entities", "counters", "relay")
GROUPED = ("actors", "entities", "counters")
"""Stages whose members share partitions, so that joining and leaving moves some."""
NET = ("drop", "delay", "half-open", "reset")

_CUT_SHARE = 0.5
_OVERLAP_SHARE = 0.2
_EXTRA_SHARE = 0.4
_CUT_BYTES_MAX = 64 << 10


@dataclass(frozen=True, slots=True)
class Fault:
    """One disturbance. ``target``: a stage, a server, or what the network does. ``amount``: bytes cut, or seconds away.
    ``alone``: whether the next one waits until the system has recovered from it."""

    kind: Kind
    target: str = ""
    amount: int = 0
    alone: bool = True
    delay_seconds: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.kind} {self.target}".strip()


def plan(seed: int, *, stage_kills: int, redis_kills: int, broker_kills: int, zombies: bool) -> Sequence[Fault]:
    """The faults in order: the kills asked for, shuffled, and among them others (about two to five kills).

    ``zombies``: whether the log replaces a member that stands still; else it is only paused.
    """
    random_ = random.Random(seed)  # noqa: S311 - not for secrets
    faults = [Fault("kill", random_.choice(STAGES)) for _ in range(stage_kills)]
    for _ in range(redis_kills):
        cut = random_.random() < _CUT_SHARE
        faults.append(Fault("redis-cut", amount=random_.randint(1, _CUT_BYTES_MAX)) if cut else Fault("redis-kill"))
    faults += [Fault("broker-kill") for _ in range(broker_kills)]
    for number in range(round(len(faults) * _EXTRA_SHARE)):
        kind: Kind = ("zombie" if zombies else "pause", "join", "net", "leave", "net", "producer")[number % 6]
        target = random_.choice(NET) if kind == "net" else random_.choice(GROUPED) if kind != "producer" else ""
        faults.append(Fault(kind, target))
    random_.shuffle(faults)
    return [
        Fault(
            fault.kind,
            fault.target,
            fault.amount,
            alone=number == len(faults) - 1 or random_.random() >= _OVERLAP_SHARE,
            delay_seconds=round(random_.uniform(0, 0.6), 3),
        )
        for number, fault in enumerate(faults)
    ]
