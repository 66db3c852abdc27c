"""Child processes that never outlive us, and keep what they say in a file."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from wirewatch.local.tether import tethered

_TAIL_BYTES = 4096


def spawn(arguments: Sequence[str], *, log_file: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a process whose output is appended to ``log_file``, and which ends when we end (see tether).

    It has a session of its own: Ctrl-C reaches us alone, and we stop our children in order. Call it from a thread that
    lives as long as the child shall.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as output:
        return subprocess.Popen(
            tethered(arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            start_new_session=True,
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
