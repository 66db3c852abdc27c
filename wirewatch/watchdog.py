"""Ends a process that has come to a standstill, so that whoever supervises it starts it again.

That is safe at any moment: what is not committed is read again, and repeats are recognised.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import time

import structlog

EXIT_STALLED = 70
STOP_SECONDS_MAX = 12.0
"""Longest orderly stop; supervisors kill after 15."""

_STDERR = 2
_TICKS = 30
_REARM_SECONDS = 1.0
# Where something holds the interpreter's lock, no Python thread runs: then faulthandler's own thread, which needs none,
# ends the process. It goes by the clock, and so would end one that was only suspended: hence much later.
_BACKSTOP = 5.0

log = structlog.get_logger(__name__)


class Watchdog:
    """Started at once, ended by ``close``. ``turned`` says that the loop still turns."""

    def __init__(self, stall_seconds: float, stop: threading.Event) -> None:
        self._stall_seconds = stall_seconds
        self._stop = stop
        self._over = threading.Event()
        self._turns = 0
        self._rearm_due = 0.0
        self.turned()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def turned(self) -> None:
        """The loop has turned, or waits in good order for a server that is away."""
        self._turns += 1
        if (now := time.monotonic()) >= self._rearm_due and not self._stop.is_set():
            self._rearm_due = now + _REARM_SECONDS
            faulthandler.dump_traceback_later(self._stall_seconds * _BACKSTOP, exit=True, file=_STDERR)

    def close(self) -> None:
        """The loop has ended, in order or not: nothing is left to watch. Repeating is safe."""
        self._over.set()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        # Counts its own ticks instead of reading the clock: a process that was suspended is not at a standstill.
        tick = self._stall_seconds / _TICKS
        seen, still = -1, 0
        while not self._stop.wait(tick):
            if self._over.is_set():
                return
            still = still + 1 if self._turns == seen else 0
            seen = self._turns
            if still >= _TICKS:
                log.critical("the loop stands still: ending this process, to be started again", seconds=still * tick)
                self._end(EXIT_STALLED)
        faulthandler.dump_traceback_later(STOP_SECONDS_MAX + 1, exit=True, file=_STDERR)
        if self._over.wait(STOP_SECONDS_MAX):
            faulthandler.cancel_dump_traceback_later()
            return
        log.warning("not stopped in time: ending at once; what was under way will be read again")
        self._end(0)

    @staticmethod
    def _end(code: int) -> None:
        faulthandler.dump_traceback(file=_STDERR, all_threads=True)
        os._exit(code)
