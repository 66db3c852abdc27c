"""What becomes of a notification after a try to send it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from consumers.delivery.answers import Answer

WAITS_SECONDS = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Before the second try, the third, …: those of Standard Webhooks. After the tenth we give up, more than three days
after the first."""
RETRY_AFTER_SECONDS_MAX = 86_400.0
JITTER = 0.2
"""A wait is made longer by up to a fifth, so that what failed together does not come again together."""

NextReason = Literal["delivered", "gone", "rate-limited", "retry-after", "backoff", "given-up"]


@dataclass(frozen=True, slots=True)
class Next:
    """``when``: it is due again; None: it leaves the queue. ``tries``: those that count from now on.

    ``hold``: until then nothing at all is sent to the receiver, as it asked for that.
    """

    reason: NextReason
    when: datetime | None
    tries: int
    hold: datetime | None = None


def next_try(
    answer: Answer,
    tries: int,
    now: datetime,
    *,
    jitter: float,
    waits: Sequence[float] = WAITS_SECONDS,
) -> Next:
    """What follows from ``answer``, after ``tries`` tries before this one.

    ``jitter`` is a random number from 0 to 1. ``waits``: seconds, one per repeat. A receiver that is gone gets nothing
    more: its notifications stay queued until someone enables it again. To be told to wait (429) is no failed try:
    whoever says so is there, and what it is sent is never given up for that.
    """
    if answer.outcome == "delivered":
        return Next("delivered", None, tries + 1)
    if answer.outcome == "gone":
        return Next("gone", now, tries + 1)
    asked = min(answer.retry_after or 0.0, RETRY_AFTER_SECONDS_MAX)
    hold = now + timedelta(seconds=asked) if asked else None
    limited = answer.outcome == "rate-limited"
    counted = tries if limited else tries + 1
    if counted > len(waits):
        return Next("given-up", None, tries + 1, hold)
    scheduled = (waits[max(counted, 1) - 1] if waits else 0.0) * (1 + JITTER * jitter)
    reason: NextReason = "retry-after" if asked >= scheduled else "rate-limited" if limited else "backoff"
    return Next(reason, now + timedelta(seconds=max(asked, scheduled)), counted, hold)
