"""Keeps the processes of one machine running: starts them, starts again what died, stops all in order."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wirewatch.errors import EXIT_FAULTS, WirewatchError
from wirewatch.local import child

STOP_SECONDS_MAX = 15.0
_QUICK_SECONDS = 10.0
_QUICK_EXITS_MAX = 5
_PAUSE_SECONDS_MAX = 8.0


@dataclass(frozen=True, slots=True)
class Program:
    """One of our own commands, as a process of its own."""

    name: str
    arguments: Sequence[str]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Restart:
    """What to do about a process that ended. ``pause_seconds`` None: give up."""

    reason: str
    pause_seconds: float | None


class GaveUp(WirewatchError):
    """A process ends again and again right after its start, or must not go on; its last words are in the message."""


def decide(lifetimes: Sequence[float], code: int) -> Restart:
    """What to do after a process has ended with ``code``, from the seconds that each run of it lasted, newest last.

    A run that lasted is started again at once. Quick ends in a row are given longer pauses, and after the fifth we
    give up: what fails five times at its start will not mend itself. Nor does a stage that met too many faults, and
    each further run of it could dead-letter more sound records.
    """
    if code == EXIT_FAULTS:
        return Restart("too-many-faults", None)
    quick = 0
    for lifetime in reversed(lifetimes):
        if lifetime >= _QUICK_SECONDS:
            break
        quick += 1
    if quick >= _QUICK_EXITS_MAX:
        return Restart("ended-quickly-too-often", None)
    if quick == 0:
        return Restart("had-run-well", 0.0)
    return Restart("ended-quickly", min(0.5 * 2 ** (quick - 1), _PAUSE_SECONDS_MAX))


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    started: float
    lifetimes: list[float] = field(default_factory=list)
    start_due: float | None = None


class Supervisor:
    """Runs programs; call ``tend`` every so often from the thread that called ``start``."""

    def __init__(self, programs: Sequence[Program], log_dir: Path) -> None:
        self._programs = programs
        self._log_dir = log_dir
        self._running: list[_Running] = []

    def start(self) -> None:
        """Start every program."""
        for program in self._programs:
            self._running.append(_Running(program, self._spawn(program), time.monotonic()))

    def tend(self) -> list[str]:
        """Start again what has died; one line for people about each event. Raises GaveUp."""
        events = []
        for running in self._running:
            now = time.monotonic()
            if running.start_due is None and running.process.poll() is not None:
                running.lifetimes.append(now - running.started)
                restart = decide(running.lifetimes, running.process.returncode)
                events.append(f"{running.program.name} ended with code {running.process.returncode}, starting it again")
                if restart.pause_seconds is None:
                    raise GaveUp(
                        f"{running.program.name} cannot run, see {self.log_file(running.program.name)}:\n"
                        f"{child.tail(self.log_file(running.program.name))}"
                    )
                running.start_due = now + restart.pause_seconds
            if running.start_due is not None and now >= running.start_due:
                running.process = self._spawn(running.program)
                running.started, running.start_due = now, None
        return events

    def pids(self) -> dict[str, int]:
        """Process id by program name."""
        return {running.program.name: running.process.pid for running in self._running}

    def log_file(self, name: str) -> Path:
        """Where a program's output goes."""
        return self._log_dir / f"{name}.log"

    def stop(self) -> None:
        """Ask all to end at once, wait, kill what does not. Repeating is safe."""
        for running in self._running:
            if running.process.poll() is None:
                running.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS_MAX
        for running in self._running:
            child.stop(running.process, max(0.1, deadline - time.monotonic()))

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        return child.spawn(
            [sys.executable, "-m", "wirewatch", *program.arguments],
            log_file=self.log_file(program.name),
            env=program.env,
        )
