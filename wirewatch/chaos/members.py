"""The processes of a campaign: started, killed, stopped and continued, and started again when they die."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from wirewatch.chaos.plan import WORKER
from wirewatch.local import child
from wirewatch.watchdog import EXIT_STALLED

STOP_SECONDS_MAX = 15.0
_RESTART_SECONDS = 0.3
_LOOK_SECONDS = 1.0
_LAST_WORDS_CHARS = 300


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

    @property
    def lives(self) -> bool:
        return self.process.poll() is None


class Members:
    """Not safe to share between threads. ``seed`` chooses among several victims."""

    def __init__(self, env: Mapping[str, str], log_dir: Path, seed: int) -> None:
        self._env = env
        self._log_dir = log_dir
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._members: list[Member] = []
        self._look_due = 0.0
        self.memory_mib: dict[str, int] = {}
        """Largest resident set seen, by kind."""
        self.ended_alone: list[str] = []
        """Ends that were not our doing, nor the watchdog's."""
        self.ended_by_watchdog: list[str] = []
        self.leaving: list[float] = []
        """Seconds from SIGTERM to the end, of each that was asked to end."""

    def start(self, kind: str, arguments: Sequence[str], *, ends: bool = False) -> Member:
        """Run ``python -m arguments`` as a process of that kind."""
        member = Member(kind, arguments, self._spawn(kind, arguments), ends)
        self._members.append(member)
        return member

    def of(self, kind: str) -> list[Member]:
        """Those of a kind that are to run, oldest first; some may be dead, and about to be started again."""
        return [member for member in self._members if member.kind == kind and member.wanted]

    def living(self, kind: str) -> list[Member]:
        """Those of a kind that are to run, and do."""
        return [member for member in self.of(kind) if member.lives]

    def kill(self, kind: str) -> bool:
        """kill -9 of one that lives; False where none does. A member is started again by ``tend``, a worker process by
        its parent."""
        if kind == WORKER:
            return self._kill_worker()
        living = self.living(kind)
        if not living:
            return False
        member = self._random.choice(living)
        member.killed = True
        member.process.kill()
        # Anything else: it had died by itself in this moment, and no kill was done.
        return member.process.wait() == -signal.SIGKILL

    def signal(self, member: Member, number: signal.Signals) -> None:
        """SIGSTOP or SIGCONT; nothing where it has ended."""
        if member.lives:
            os.kill(member.process.pid, number)

    def dismiss(self, member: Member) -> float:
        """Send SIGTERM, and return when that was (monotonic seconds); it is not started again."""
        member.wanted = False
        member.process.terminate()
        return time.monotonic()

    def ended(self, member: Member, asked: float) -> None:
        """Note how long it took; one that has not ended is killed."""
        self.leaving.append(time.monotonic() - asked)
        child.stop(member.process, 0)

    def tend(self) -> None:
        """Start again what died, and now and then look at the memory of what runs."""
        now = time.monotonic()
        looks = now >= self._look_due
        if looks:
            self._look_due = now + _LOOK_SECONDS
        for member in self._members:
            if not member.wanted:
                continue
            code = member.process.poll()
            if code is None:
                if looks:
                    self._look(member)
            elif code == 0 and member.ends:
                member.wanted = False  # it has done what it was for
            elif not member.due:
                self._note_end(member, code)
                member.due = now + _RESTART_SECONDS
            elif now >= member.due:
                member.process, member.due, member.killed = self._spawn(member.kind, member.arguments), 0.0, False

    def stop(self) -> None:
        """Stop all in order; kill what does not. Repeating is safe."""
        asked = []
        for member in self._members:
            self.signal(member, signal.SIGCONT)
            if member.lives:
                asked.append((member, self.dismiss(member)))
            member.wanted = False
        for member, since in asked:
            child.stop(member.process, max(0.0, since + STOP_SECONDS_MAX - time.monotonic()))
            self.leaving.append(time.monotonic() - since)

    def log_file(self, kind: str) -> Path:
        """Where processes of a kind write."""
        return self._log_dir / f"{kind}.log"

    def _kill_worker(self) -> bool:
        workers = [worker for member in self.living("entities") for worker in _children(member)]
        if not workers:
            return False
        worker = self._random.choice(workers)
        try:
            if worker.status() == psutil.STATUS_ZOMBIE:
                return False
            worker.kill()
        except psutil.NoSuchProcess:
            return False
        return True

    def _note_end(self, member: Member, code: int) -> None:
        if member.killed and code == -signal.SIGKILL:
            return
        last_words = child.tail(self.log_file(member.kind))[-_LAST_WORDS_CHARS:]
        ended = self.ended_by_watchdog if code == EXIT_STALLED else self.ended_alone
        ended.append(f"{member.kind} ended by itself with {code}: {last_words}")

    def _look(self, member: Member) -> None:
        seen = [(member.kind, member.process.pid)]
        if member.kind == "entities":
            seen += [(WORKER, worker.pid) for worker in _children(member)]
        for kind, pid in seen:
            self.memory_mib[kind] = max(self.memory_mib.get(kind, 0), _resident_mib(pid))

    def _spawn(self, kind: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        return child.spawn([sys.executable, "-m", *arguments], log_file=self.log_file(kind), env=self._env)


def _children(member: Member) -> list[psutil.Process]:
    try:
        return psutil.Process(member.process.pid).children()
    except psutil.NoSuchProcess:
        return []


def _resident_mib(pid: int) -> int:
    """0 where it has ended."""
    try:
        return int(psutil.Process(pid).memory_info().rss) >> 20
    except psutil.NoSuchProcess:
        return 0
