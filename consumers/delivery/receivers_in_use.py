"""The receivers file as it is now: a change is taken up without a restart, a mistake in it is logged and ignored."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import structlog

from consumers.delivery.receivers import Receivers, load_receivers
from wirewatch.errors import UserError
from wirewatch.seeds import shipped
from wirewatch.settings import Settings

_LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)

_Mark = tuple[int, int, int]


class ReceiversInUse:
    """Reads the file at first, and again when it has changed. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """Raises UserError for a file that has a mistake: there is no older one to go on with."""
        self._path = settings.receivers or shipped("receivers.yaml")
        self._lock = threading.Lock()
        self._mark = _mark(self._path)
        self._receivers = load_receivers(self._path)
        self._looked = time.monotonic()

    def current(self) -> Receivers:
        """The newest that is without mistakes, at most a second old."""
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK_SECONDS:
                self._look()
                self._looked = time.monotonic()
            return self._receivers

    def _look(self) -> None:
        mark = _mark(self._path)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._receivers = load_receivers(self._path)
        except UserError as error:
            log.warning("the receivers file has mistakes: the receivers stay as they were", error=str(error))
        else:
            log.info("the receivers file has changed", receivers=len(self._receivers.receivers))


def _mark(path: Path) -> _Mark | None:
    """What changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
