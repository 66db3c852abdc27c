"""N worker processes behind a queue: jobs in, results out in any order, whatever the workers die of.

One thread per worker hands it jobs and waits with a deadline, so that the parent always knows which documents a worker
has. When a worker dies, its documents are done again one by one, each alone in a worker: the one that ends two workers
while it is alone in them is rejected, the others have their results. A process is started when there is work that no
idle one takes.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from wirewatch.broker import Message
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.worker_pool.process import Died, WorkerProcess, WorkersBroken
from wirewatch.worker_pool.wire import Result

_STARTS_MAX = 3
_JOIN_SECONDS_MAX = 3.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """A job's results, one per message, in order. ``ticket`` is what was given with it."""

    ticket: Any
    results: Sequence[Result]
    seconds: float


class _Stopping(Exception):
    """The pool is being closed: the job at hand is dropped."""


class Pool(Protocol):
    """What does the work: see WorkerPool, of which the simulation has its own kind."""

    size: int
    """Workers at most."""

    def submit(self, ticket: Any, messages: Sequence[Message]) -> None: ...

    def collect(self) -> list[Done]: ...

    def finish(self, seconds_max: float) -> None: ...

    def close(self) -> None: ...


class WorkerPool:
    """For one thread. Nothing is started before the first job but one worker, which shows whether they can start."""

    def __init__(self, stage: str, settings: Settings, metrics: Metrics) -> None:
        self.size = settings.worker_processes or cores()
        self._start: Callable[[], WorkerProcess] = lambda: WorkerProcess(stage, settings)
        self._recycle = settings.worker_recycle_documents
        self._metrics = metrics
        self._changed = threading.Condition()
        self._jobs: deque[tuple[Any, Sequence[Message]]] = deque()
        self._idle = 1  # workers that have no job; the first one is counted from its start on
        self._first_is_starting = True
        self._running = 0  # jobs that a worker has
        self._closing = False
        self._fault: WorkersBroken | None = None
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._processes: dict[int, WorkerProcess] = {}
        self._threads = [
            threading.Thread(target=self._tend, args=(n,), name=f"worker-{n}", daemon=True) for n in range(self.size)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, ticket: Any, messages: Sequence[Message]) -> None:
        """Queue a job; ``collect`` gives it back with its results."""
        with self._changed:
            self._jobs.append((ticket, messages))
            self._metrics.worker_jobs.set(len(self._jobs) + self._running)
            self._changed.notify_all()

    def collect(self) -> list[Done]:
        """The jobs that were done since the last call. Raises WorkersBroken when workers cannot start."""
        if self._fault is not None:
            raise self._fault
        found = []
        while not self._done.empty():
            found.append(self._done.get())
        with self._changed:
            self._metrics.worker_jobs.set(len(self._jobs) + self._running)
        return found

    def finish(self, seconds_max: float) -> None:
        """Drop the jobs that nobody has begun, and wait for the others, at most so long."""
        with self._changed:
            self._jobs.clear()
            self._changed.wait_for(lambda: not self._running or self._fault is not None, seconds_max)

    def close(self) -> None:
        """End every worker at once, whatever it does. Repeating is safe."""
        with self._changed:
            self._closing = True
            self._jobs.clear()
            processes = list(self._processes.values())
            self._changed.notify_all()
        for process in processes:
            process.kill()
        deadline = time.monotonic() + _JOIN_SECONDS_MAX
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    # One thread per worker

    def _tend(self, number: int) -> None:
        try:
            if number == 0:
                self._process(number)
            done: Done | None = None
            while True:
                ticket, messages = self._next(number, done)
                started = time.monotonic()
                results = settle(lambda some: self._attempt(number, some), messages)
                done = Done(ticket, results, time.monotonic() - started)
                self._metrics.worker_documents.inc(len(messages))
                if (process := self._processes.get(number)) is not None and process.documents >= self._recycle:
                    self._forget(number, "recycled")
                    process.close()
        except _Stopping:
            pass
        except WorkersBroken as fault:
            with self._changed:
                self._fault = fault
                self._changed.notify_all()

    def _next(self, number: int, done: Done | None) -> tuple[Any, Sequence[Message]]:
        """Hand in what was done, and wait for the next job. Raises _Stopping."""
        with self._changed:
            if done is not None:
                self._running -= 1
                self._done.put(done)
                self._changed.notify_all()
            started = number in self._processes
            if number == 0 and self._first_is_starting:
                self._first_is_starting = False
            else:
                self._idle += started
            # Who has no process yet leaves a job to those who have one and nothing to do.
            self._changed.wait_for(lambda: self._closing or len(self._jobs) > (0 if started else self._idle))
            self._idle -= started
            if self._closing:
                raise _Stopping
            self._running += 1
            return self._jobs.popleft()

    def _attempt(self, number: int, messages: Sequence[Message]) -> list[Result] | Died:
        outcome = self._process(number).do(messages)
        if isinstance(outcome, Died):
            self._forget(number, outcome.reason)
            log.warning("a worker died", why=outcome.detail, documents=len(messages), first=_place(messages[0]))
        return outcome

    def _process(self, number: int) -> WorkerProcess:
        """The running worker of this thread, or a fresh one. Raises _Stopping, WorkersBroken."""
        for attempt in range(1, _STARTS_MAX + 1):
            with self._changed:
                if self._closing:
                    raise _Stopping
                if number in self._processes:
                    return self._processes[number]
                process = self._processes[number] = self._start()
            try:
                process.ready()
            except WorkersBroken as broken:
                self._forget(number, "no-start")
                log.warning("a worker could not start", why=str(broken), attempt=attempt)
                if attempt == _STARTS_MAX:
                    raise
            else:
                self._metrics.workers_alive.inc()
                return process
        raise AssertionError

    def _forget(self, number: int, reason: str) -> None:
        with self._changed:
            if self._closing:
                raise _Stopping
            del self._processes[number]
        if reason != "no-start":
            self._metrics.workers_alive.dec()
        self._metrics.worker_ends.labels(reason).inc()


Attempt = Callable[[Sequence[Message]], list[Result] | Died]
"""Has one worker do these messages."""


def settle(attempt: Attempt, messages: Sequence[Message]) -> Sequence[Result]:
    """One result per message, in order, whatever the workers die of. A document is rejected when it has ended two of
    them while it was alone in each."""
    outcome = attempt(messages)
    if not isinstance(outcome, Died):
        return outcome
    if len(messages) == 1:
        return [_once_more(attempt, messages[0])]
    return [_alone(attempt, message) for message in messages]


def _alone(attempt: Attempt, message: Message) -> Result:
    outcome = attempt([message])
    # The first death, in company, convicts nobody; this one may have been a kill from outside.
    return _once_more(attempt, message) if isinstance(outcome, Died) else outcome[0]


def _once_more(attempt: Attempt, message: Message) -> Result:
    """Of a document that has ended a worker while it was alone in it."""
    outcome = attempt([message])
    if not isinstance(outcome, Died):
        return outcome[0]
    log.error("a document ends its worker", why=outcome.detail, **_place(message))
    return Result(reason=outcome.reason, detail=f"twice: {outcome.detail}", ours=True)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _place(message: Message) -> dict[str, object]:
    return {"topic": message.topic, "partition": message.partition, "offset": message.offset}
