"""Work that takes the processor for long: one request at a time, and nobody waits long for a turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from consumers.api.answers import RefusedError

WAIT_SECONDS_MAX = 5.0


class Turns:
    """Lets one thread in at a time."""

    def __init__(self, wait_seconds_max: float = WAIT_SECONDS_MAX) -> None:
        self._lock = threading.Lock()
        self._wait = wait_seconds_max

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises RefusedError with 429 where others were at it for too long."""
        if not self._lock.acquire(timeout=self._wait):
            detail = "this is done for one request at a time, and others are before you; try again"
            raise RefusedError(429, "busy", detail, headers={"Retry-After": str(int(self._wait) + 1)})
        try:
            yield
        finally:
            self._lock.release()
