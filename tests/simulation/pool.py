"""Worker processes without processes: jobs end in any order, at seeded moments, and workers die.

What a job comes to is settled by the real code (``settle``, ``answers``); pretended is only who does it, and when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.simulation.chance import Chance
from wirewatch.broker import Message
from wirewatch.stage import Apply, Transform
from wirewatch.worker_pool.member import answers
from wirewatch.worker_pool.pool import Done, settle
from wirewatch.worker_pool.process import Died
from wirewatch.worker_pool.wire import Result


class WorkerEnds(BaseException):
    """Raised by an ``apply``: the worker that does this document ends, however often it is tried."""


class SimPool:
    """See wirewatch.worker_pool.pool.Pool."""

    def __init__(self, stage: Transform[Any, Any], apply: Apply[Any, Any], chance: Chance) -> None:
        self.size = 1 + chance.below(2)
        self._stage = stage
        self._apply = apply
        self._chance = chance
        self._jobs: list[tuple[Any, Sequence[Message]]] = []

    def submit(self, ticket: Any, messages: Sequence[Message]) -> None:
        self._jobs.append((ticket, messages))

    def collect(self) -> list[Done]:
        """Some of the jobs, in any order; all of them once nothing goes wrong any more."""
        done = []
        while self._jobs and (self._chance.calm or self._chance.below(3)):
            ticket, messages = self._jobs.pop(self._chance.below(len(self._jobs)))
            done.append(Done(ticket, self._results(messages), 0.0))
        return done

    def finish(self, seconds_max: float) -> None:
        """Some were not begun, and are dropped."""
        while self._jobs and self._chance.below(2):
            self._jobs.pop()

    def close(self) -> None:
        self._jobs = []

    def _results(self, messages: Sequence[Message]) -> Sequence[Result]:
        # From outside once at most, as by the kernel that needs memory: alone twice would be held against a document.
        kills = 1

        def attempt(some: Sequence[Message]) -> list[Result] | Died:
            nonlocal kills
            if kills and self._chance.happens(0.2):
                kills = 0
                self._chance.note("a worker is killed")
                return Died("worker-crash", "killed")
            try:
                return answers(self._stage, self._apply, some)
            except WorkerEnds:
                self._chance.note("a document ends its worker")
                return Died("worker-crash", "as asked")

        return settle(attempt, messages)
