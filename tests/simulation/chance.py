"""Every decision of a simulated run, drawn from its seed; and the faults that it may come to."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

Fault = Literal["none", "away", "partial", "lost reply", "crash before", "crash after"]


class Crash(BaseException):
    """The process of the member that is at work ended here, as by kill -9. No handler of errors sees it."""


class Chance:
    """Draws from the seed. ``calm`` ends all faults, so that a run can come to its end."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        self._random = random.Random(seed)
        self._trace = trace
        self.calm = False
        # Seeds differ in how rough they are: many faults hide what few of them show.
        self._roughness = self._random.choice((0.02, 0.06, 0.15))
        self.happened: set[str] = set()
        self.one_of = self._random.choice
        self.below = self._random.randrange

    def happens(self, share: float) -> bool:
        return not self.calm and self._random.random() < share

    def fault(self, where: str) -> Fault:
        """What becomes of a call to a server."""
        if not self.happens(self._roughness):
            return "none"
        fault: Fault = self._random.choice(("away", "partial", "lost reply", "crash before", "crash after"))
        self.note(f"{where}: {fault}")
        return fault

    def preempted(self) -> bool:
        """Whether others run in the middle of what the member at work does."""
        return self.happens(self._roughness)

    def note(self, what: str) -> None:
        if self._trace is not None:
            self._trace(what)

    def noting(self) -> bool:
        return self._trace is not None
