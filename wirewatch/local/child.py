"""Child processes that never outlive us, and keep what they say in a file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_TAIL_BYTES = 4096


def spawn(
    arguments: Sequence[str], *, log_file: Path, env: Mapping[str, str] | None = None, kill_signal: int = signal.SIGTERM
) -> subprocess.Popen[bytes]:
    """Start a process whose output is appended to ``log_file``.

    On Linux the kernel sends it ``kill_signal`` when we die, however we die; elsewhere it stops only when we stop it.
    It has a process group of its own: Ctrl-C reaches us alone, and we stop our children in order. Call it from the
    main thread, as the kernel watches the thread that started the process.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as output:
        return subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            start_new_session=True,
            preexec_fn=_dying_with_parent(kill_signal),
        )


def stop(process: subprocess.Popen[bytes], seconds_max: float) -> None:
    """Ask the process to end, wait at most so long, then kill it. Repeating is safe."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds_max)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log_file: Path) -> str:
    """The last lines that a process said, for an error message."""
    if not log_file.exists():
        return ""
    return log_file.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace").strip()


def _dying_with_parent(kill_signal: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, kill_signal)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), kill_signal)

    return ask_the_kernel
