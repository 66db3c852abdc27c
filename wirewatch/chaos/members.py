"""The processes of a campaign: started, killed, stopped and continued, and started again when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from wirewatch.local import child

_STOP_SECONDS_MAX = 15.0
_RESTART_SECONDS = 0.3


@dataclass(slots=True)
class Member:
    """One process. ``wanted``: whether it is to run; what dies is then started again. ``ends``: it may finish."""

    kind: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes]
    ends: bool = False
    wanted: bool = True
    killed: bool = False
    due: float = 0.0


class Members:
    """Not safe to share between threads."""

    def __init__(self, env: Mapping[str, str], log_dir: Path) -> None:
        self._env = env
        self._log_dir = log_dir
        self._members: list[Member] = []
        self.memory_mib: dict[str, int] = {}
        """Largest resident set seen, by kind."""
        self.ended_alone: list[str] = []
        """Ends that were not our doing."""

    def start(self, kind: str, arguments: Sequence[str], *, ends: bool = False) -> Member:
        """Run ``python -m arguments`` as a process of that kind."""
        member = Member(kind, arguments, self._spawn(kind, arguments), ends)
        self._members.append(member)
        return member

    def of(self, kind: str) -> list[Member]:
        """Those of a kind that are to run, oldest first."""
        return [member for member in self._members if member.kind == kind and member.wanted]

    def kill(self, member: Member) -> None:
        """kill -9; it is started again by ``tend``."""
        member.killed = True
        member.process.kill()
        member.process.wait()

    def signal(self, member: Member, number: signal.Signals) -> None:
        """SIGSTOP or SIGCONT; nothing where it has ended."""
        if member.process.poll() is None:
            os.kill(member.process.pid, number)

    def leave(self, member: Member) -> float:
        """Ask it to end and return the seconds it took; it is not started again."""
        member.wanted = False
        started = time.monotonic()
        child.stop(member.process, _STOP_SECONDS_MAX)
        return time.monotonic() - started

    def tend(self) -> None:
        """Start again what died, and look at the memory of what runs."""
        now = time.monotonic()
        for member in self._members:
            if not member.wanted:
                continue
            code = member.process.poll()
            if code is None:
                self._look(member)
            elif code == 0 and member.ends:
                member.wanted = False  # it has done what it was for
            elif not member.due:
                if not member.killed:
                    self.ended_alone.append(
                        f"{member.kind} ended with {code}: {child.tail(self.log_file(member.kind))[-300:]}"
                    )
                member.due = now + _RESTART_SECONDS
            elif now >= member.due:
                member.process, member.due, member.killed = self._spawn(member.kind, member.arguments), 0.0, False

    def stop(self) -> None:
        """Stop all in order; kill what does not."""
        for member in self._members:
            member.wanted = False
            self.signal(member, signal.SIGCONT)
            if member.process.poll() is None:
                member.process.terminate()
        for member in self._members:
            child.stop(member.process, _STOP_SECONDS_MAX)

    def log_file(self, kind: str) -> Path:
        """Where processes of a kind write."""
        return self._log_dir / f"{kind}.log"

    def _look(self, member: Member) -> None:
        try:
            resident = psutil.Process(member.process.pid).memory_info().rss >> 20
        except psutil.NoSuchProcess:
            return
        self.memory_mib[member.kind] = max(self.memory_mib.get(member.kind, 0), resident)

    def _spawn(self, kind: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        return child.spawn([sys.executable, "-m", *arguments], log_file=self.log_file(kind), env=self._env)
