"""Ties a server to the process that started it, so that a killed parent leaves no orphan.

The server is started as ``tether.py PARENT COMMAND…``. On Linux the kernel is asked to end us when the parent ends, and
we then become the server: no process is added. Elsewhere (macOS) we stay, start the server, and look twice a second
whether our parent still lives. This file runs as a script of its own and imports nothing of ours.

The kernel watches the parent's *thread*: start servers from a thread that lives as long as they shall.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.5
_STOP_SECONDS_MAX = 15.0


def tethered(command: Sequence[str]) -> list[str]:
    """The command that runs ``command`` so that it gets SIGTERM when this process ends, however it ends."""
    return [sys.executable, "-I", __file__, str(os.getpid()), *command]


def die_with(parent: int, how: signal.Signals) -> None:
    """Have the kernel send us ``how`` when our parent ends; where it cannot (macOS), nothing. Ends us if it has."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, how, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)  # it ended before the kernel was told


def main(parent: int, command: Sequence[str]) -> int:
    """Become the server, or watch over it; the exit code is the server's."""
    if sys.platform == "linux":
        die_with(parent, signal.SIGTERM)
        os.execvp(command[0], list(command))  # noqa: S606 - replacing ourselves is the point
    return _watch(parent, command)


def _watch(parent: int, command: Sequence[str]) -> int:
    server = subprocess.Popen(command)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while True:
        try:
            return server.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                break
    server.terminate()
    try:
        return server.wait(_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
