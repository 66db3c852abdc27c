"""Asking a process to stop, at the worst moments."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wirewatch.cli.signals import EXIT_INTERRUPTED

PROGRAM = """
import os, signal, sys
from wirewatch.cli.signals import stop_event

stop = stop_event()
{}
"""


def run(code: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(code)], capture_output=True, timeout=30, check=False)
    return done.returncode


def test_a_signal_while_the_event_is_being_looked_at_is_not_waited_for_for_ever() -> None:
    # ``wait`` holds this lock for a moment each time; a signal may come in just then.
    assert run("with stop._cond: signal.raise_signal(signal.SIGTERM)\nsys.exit(0 if stop.wait(20) else 1)") == 0


@pytest.mark.parametrize("which", ["SIGTERM", "SIGINT"])
def test_a_second_signal_on_the_heels_of_the_first_ends_the_process_at_once(which: str) -> None:
    code = (
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [signal.{which}])\n"
        "import threading\n"
        # Without end: signals that come before the first is looked at are one.
        "def send():\n"
        f"    while True: os.kill(os.getpid(), signal.{which})\n"
        "threading.Thread(target=send, daemon=True).start()\n"
        f"signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.{which}])\n"
        "threading.Event().wait(20)"
    )
    assert run(code) == EXIT_INTERRUPTED
