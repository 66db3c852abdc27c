"""Work that takes the processor for long: one request at a time, and few wait for a turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from consumers.api.answers import RefusedError

WAIT_SECONDS_MAX = 5.0
WAITING_MAX = 4
"""Those who wait hold a thread each, of which there are forty for all requests."""


class Turns:
    """Lets one thread in at a time."""

    def __init__(self, wait_seconds_max: float = WAIT_SECONDS_MAX, waiting_max: int = WAITING_MAX) -> None:
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(1 + waiting_max)
        self._wait = wait_seconds_max

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises RefusedError with 429 where too many wait, or others were at it for too long."""
        if not self._places.acquire(blocking=False):
            raise self._busy()
        try:
            if not self._lock.acquire(timeout=self._wait):
                raise self._busy()
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._places.release()

    def _busy(self) -> RefusedError:
        detail = "this is done for one request at a time, and others are before you; try again"
        return RefusedError(429, "busy", detail, headers={"Retry-After": str(int(self._wait) + 1)})
