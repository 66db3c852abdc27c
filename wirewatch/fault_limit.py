"""Stops a stage when what it dead-letters looks like a fault of ours, before a whole topic has drained away.

A sender's bad record is dead-lettered, however many come. A crash, or an error that nobody foresaw, may be the record's
fault or ours: a few are dead-lettered all the same, as one bad record must stop nothing; many of them stop the stage.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from wirewatch.broker import Message
from wirewatch.errors import Rejected, TooManyFaults
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings

RECENT = 200

_Place = tuple[str, int, int]
Reason = Literal["faults-in-a-row", "faults-among-recent"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The most faults that are borne in a row, and among the ``RECENT`` latest records. 0: no limit."""

    in_a_row: int
    among_recent: int


def judge(faults: Sequence[bool], limits: Limits) -> Reason | None:
    """Whether the stage must stop. ``faults``: of the latest records, oldest first, whether each failed by what may be
    a fault of ours. No clock: ten in a row are as telling in a quiet night as under load."""
    longest = max((len(list(row)) for fault, row in groupby(faults) if fault), default=0)
    if limits.in_a_row and longest > limits.in_a_row:
        return "faults-in-a-row"
    if limits.among_recent and sum(faults[-RECENT:]) > limits.among_recent:
        return "faults-among-recent"
    return None


class FaultLimit:
    """Remembers the latest records of a stage in this process, in the order in which they are done with."""

    def __init__(self, stage: str, settings: Settings, metrics: Metrics) -> None:
        self._stage = stage
        self._limits = Limits(settings.faults_in_a_row_max, settings.faults_recent_max)
        # Which records failed so, None for each of the others.
        self._recent: deque[_Place | None] = deque(maxlen=max(RECENT, 2 * self._limits.in_a_row))
        self._gauge = metrics.faults_recent.labels(stage)

    def admit(self, outcomes: Iterable[tuple[Message, object]]) -> None:
        """Call it with every record and its outcome before anything of them is written.

        Raises TooManyFaults when they, with the ones before, are more than what can be the records' own fault: end the
        process then, with nothing of them dead-lettered or committed.
        """
        for message, outcome in outcomes:
            if not (isinstance(outcome, Rejected) and outcome.ours):
                self._recent.append(None)
                continue
            place = message.topic, message.partition, message.offset
            # A batch that the group took from us and gave back is no second fault.
            if place not in self._recent:
                self._recent.append(place)
                # At every one: a large batch is longer than what is remembered.
                if reason := judge(self._show(), self._limits):
                    raise TooManyFaults(self._told(reason, message, outcome))
        self._show()

    def _show(self) -> Sequence[bool]:
        faults = [place is not None for place in self._recent]
        self._gauge.set(sum(faults[-RECENT:]))
        return faults

    def _told(self, reason: Reason, message: Message, rejected: Rejected) -> str:
        in_a_row = reason == "faults-in-a-row"
        most, variable = (
            (f"{self._limits.in_a_row} records in a row", "WIREWATCH_FAULTS_IN_A_ROW_MAX")
            if in_a_row
            else (f"{self._limits.among_recent} of the last {RECENT} records", "WIREWATCH_FAULTS_RECENT_MAX")
        )
        detail = " ".join(str(rejected).split())[:300]
        return (
            f"stage {self._stage} stops ({reason}): more than {most} failed as by a fault of ours, the last one "
            f"{message.topic}/{message.partition} offset {message.offset}: {detail}; they stay in the log, unread. "
            f"Mend the fault and start again; if the records are to blame, set {variable} higher, or to 0 for no limit"
        )
