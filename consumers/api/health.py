"""``/healthz``: this process lives. ``/readyz``: what it needs answers."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping

from fastapi import APIRouter, Response

from consumers.api.answers import Liveness, Readiness, json
from consumers.api.schemas import documented
from wirewatch.errors import Transient, UserError

Checks = Mapping[str, Callable[[], object]]
"""What readiness depends on, by name: returns when its server answers, raises Transient or UserError when not."""

ANSWER_SECONDS_MAX = 3.0
"""A server that has not answered by then is not ready; whoever asks us waits no longer either."""

_ANSWERS = documented(Readiness, "All that is needed answers.", open_=True) | documented(
    Readiness, "Something that is needed does not answer.", open_=True, status=503
)


def router(checks: Checks) -> APIRouter:
    """The endpoints; readiness asks every check, all at once."""
    routes = APIRouter(tags=["health"])
    bounded = {name: _Bounded(check) for name, check in checks.items()}

    @routes.get("/healthz", responses=documented(Liveness, "It lives.", open_=True))
    async def healthz() -> Response:
        """This process lives. It depends on nothing else: restart the process when it does not answer."""
        return json(Liveness())

    @routes.get("/readyz", responses=_ANSWERS)
    def readyz() -> Response:
        """Redis and the broker answer; else 503 with the reason per part."""
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        answers = {name: check.asked() for name, check in bounded.items()}
        parts = {name: bounded[name].said(answer, deadline) for name, answer in answers.items()}
        ready = all(said == "ok" for said in parts.values())
        return json(Readiness(ready=ready, parts=parts), 200 if ready else 503)

    return routes


class _Bounded:
    """A check on a thread of its own: a server that hangs holds up the check, and nobody who asks for it.

    At most one runs at a time; who asks meanwhile waits for the same answer.
    """

    def __init__(self, check: Callable[[], object]) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._running: queue.SimpleQueue[str] | None = None

    def asked(self) -> queue.SimpleQueue[str]:
        """Where the answer will be."""
        with self._lock:
            if self._running is None:
                self._running = queue.SimpleQueue()
                threading.Thread(target=self._run, args=(self._running,), name="readiness", daemon=True).start()
            return self._running

    def said(self, answer: queue.SimpleQueue[str], deadline: float) -> str:
        """The answer, or that there is none by ``deadline`` (monotonic seconds)."""
        try:
            found = answer.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return f"no answer within {ANSWER_SECONDS_MAX:g} seconds"
        answer.put(found)  # for whoever asked at the same time
        return found

    def _run(self, answer: queue.SimpleQueue[str]) -> None:
        try:
            self._check()
        except (Transient, UserError) as error:
            said = str(error)
        else:
            said = "ok"
        with self._lock:
            self._running = None
        answer.put(said)
