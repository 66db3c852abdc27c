"""How far the published articles have come: what `up --once` and the benchmark wait for, and show while they wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wirewatch.broker import Admin, Consumer
from wirewatch.stage import Relay, Sink, Stage, Transform
from wirewatch.topics import Topic
from wirewatch.workers import group_of


@dataclass(frozen=True, slots=True)
class Reached:
    """Records that a stage has committed, of those that its topics hold by now."""

    stage: str
    done: int
    total: int


def reached(stages: Sequence[Stage], admin: Admin, outbox: Consumer) -> list[Reached]:
    """One entry per stage, in the order given, which is the order of the path.

    When every entry is done at once, all that was on ``articles.v1`` before the call has gone the whole way: a stage
    commits only after its output is acknowledged, and each stage is looked at after the ones before it.
    """
    found = []
    for stage in stages:
        if isinstance(stage, Relay):
            waiting = sum(outbox.lag().values())
            found.append(Reached(stage.name, 0 if waiting else 1, 1))
        else:
            progress = [_progress(group_of(stage), topic, admin) for topic in _reads(stage)]
            found.append(Reached(stage.name, sum(p[0] for p in progress), sum(p[1] for p in progress)))
    return found


def settled(found: Sequence[Reached]) -> bool:
    """Whether nothing is left to do."""
    return all(entry.done >= entry.total for entry in found)


def _reads(stage: Transform[object, object] | Sink[object]) -> Sequence[Topic[object]]:
    return (stage.reads,) if isinstance(stage, Transform) else stage.reads


def _progress(group: str, topic: Topic[object], admin: Admin) -> tuple[int, int]:
    ends = admin.offsets(topic.name)
    committed = admin.committed(group, topic.name)
    total = sum(following - first for first, following in ends.values())
    left = sum(following - max(first, committed.get(p, first)) for p, (first, following) in ends.items())
    return total - left, total
