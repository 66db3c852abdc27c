"""A circuit breaker: a receiver that fails again and again is left alone for a while, then asked once. Pure.

Closed, all is sent. After FAILURES_MAX failures in a row it opens: nothing is sent, and what waits does not use up
its tries. When the time is over it is half-open: one notification goes out, and its fate closes the breaker, or opens
it for twice as long. Ours and not a library's, as the state must outlive the process, beside the queue.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from consumers.delivery.answers import RECEIVER_AT_FAULT, Answer
from wirewatch.records import Moment

FAILURES_MAX = 5
OPEN_SECONDS = 30.0
"""How long it is open the first time."""
DOUBLINGS_MAX = 6
"""It doubles to half an hour."""

BreakerState = Literal["closed", "open", "half-open"]
BREAKER_STATES: tuple[BreakerState, ...] = ("closed", "half-open", "open")


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """``failures`` in a row, ``openings`` since it was last closed, and until when it is open; None: it is closed."""

    failures: int = 0
    openings: int = 0
    until: Moment | None = None

    def state(self, now: datetime) -> BreakerState:
        """What it is at ``now``."""
        if self.until is None:
            return "closed"
        return "open" if now < self.until else "half-open"


def after(breaker: Breaker, answer: Answer, now: datetime, *, open_seconds: float = OPEN_SECONDS) -> Breaker:
    """The breaker once ``answer`` has come. An answer that says nothing of the receiver's health closes a half-open
    one, as somebody answered, and leaves a closed one as it is."""
    if answer.outcome not in RECEIVER_AT_FAULT:
        healthy = answer.outcome == "delivered" or breaker.until is not None
        return Breaker() if healthy else breaker
    failures = breaker.failures + 1
    if breaker.until is None and failures < FAILURES_MAX:
        return Breaker(failures=failures)
    seconds = open_seconds * 2 ** min(breaker.openings, DOUBLINGS_MAX)
    return Breaker(failures=failures, openings=breaker.openings + 1, until=now + timedelta(seconds=seconds))
