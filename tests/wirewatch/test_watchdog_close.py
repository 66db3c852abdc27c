"""A watchdog whose loop has ended leaves the process alone."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import threading, time
from wirewatch.watchdog import Watchdog
stop = threading.Event()
watchdog = Watchdog(0.3, stop)
if {ask}:
    stop.set()
watchdog.close()
time.sleep(2.5)  # longer than the watchdog and its backstop would bear
print("still here")
"""


def test_a_closed_watchdog_does_not_end_the_process_that_goes_on_with_something_else() -> None:
    for ask in (False, True):
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM.format(ask=ask)], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout) == (0, "still here\n"), done.stderr
