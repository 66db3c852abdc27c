"""How much one client may do in a minute."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an attempt. ``wait``: None when it was within the limit, else seconds after which to try again."""

    wait: int | None
    remaining: int
    reset: int
    """Seconds until the window is empty again, at most."""


class RateLimit:
    """Per client and minute, over a sliding window, counted in this process."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._limit = RateLimitItemPerMinute(per_minute)
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    def take(self, client: str, cost: int = 1) -> Taken:
        """Count ``cost`` for this client, unless that is too much. More than ``per_minute`` at once never fit."""
        within = self._windows.hit(self._limit, client, cost=cost)
        window = self._windows.get_window_stats(self._limit, client)
        reset = max(1, math.ceil(window.reset_time - time.time()))
        return Taken(None if within else reset, max(0, window.remaining), reset)
