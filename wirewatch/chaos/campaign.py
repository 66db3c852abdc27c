"""Drives a campaign: lets the producer go on, does one fault after the other, and waits for each recovery."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wirewatch.chaos.members import Member, Members
from wirewatch.chaos.outage import Outside
from wirewatch.chaos.plan import GROUPED, STAGES, Fault
from wirewatch.chaos.producer import ALLOWED, read_journal
from wirewatch.chaos.proxy import Mode, Proxy
from wirewatch.chaos.redis import ChaosRedis
from wirewatch.errors import StoreUnavailable

_LOOK_SECONDS = 0.05
_AFTER_SECONDS = 0.5
_RECOVERY_SECONDS_MAX = 120.0
_NET_SECONDS = 4.0
_PAUSE_SECONDS = 3.0
_MEMBERS_MAX = 4

Reached = Mapping[int, int]
"""Per partition of articles.v1: the first offset whose record has not gone the whole way."""


class Server(Protocol):
    """Redis, or the broker."""

    def kill(self) -> object: ...

    def start(self) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What happened: seconds to recover by kind of fault, and what took too long."""

    recovery: dict[str, list[float]] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    leaving: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Campaign:
    """All of one run. ``reached`` raises StoreUnavailable while Redis is away."""

    folder: Path
    records: int
    members: Members
    redis: ChaosRedis
    proxy: Proxy
    log: Server | None
    session_seconds: float
    reached: Callable[[], Reached]
    say: Callable[[str], None]
    outside: Outside | None = None
    outcome: Outcome = field(default_factory=Outcome)

    def run(self, faults: Sequence[Fault]) -> Outcome:
        """Do all faults, then wait until every record is acknowledged and has gone the whole way."""
        for stage in STAGES:
            self.members.start(stage, ("wirewatch", "consume", stage))
        (self.folder / ALLOWED).write_text("0")
        self.members.start("producer", ("wirewatch.chaos.producer", str(self.folder)), ends=True)
        for number, fault in enumerate(faults):
            self._one(number, fault, len(faults))
        self._allow(self.records)
        if not self._until(lambda: len({entry.n for entry in read_journal(self.folder)}) >= self.records, 300):
            self.outcome.stuck.append("the producer could not finish")
        self._recovered("the end", time.monotonic())
        return self.outcome

    def _one(self, number: int, fault: Fault, count: int) -> None:
        slice_ = self.records / (count + 1)
        self._allow(round((number + 0.6) * slice_))
        self._wait(fault.delay_seconds)
        started = time.monotonic()
        self.say(f"{number + 1}/{count} {fault.name}")
        self._do(fault)
        if fault.kind == "away":
            started = time.monotonic()  # the outage itself is no recovery
        self._allow(round((number + 1) * slice_))
        if fault.alone:
            self._wait(_AFTER_SECONDS)
            self._recovered(fault.name if fault.kind in ("kill", "net") else fault.kind, started)

    def _do(self, fault: Fault) -> None:
        match fault.kind:
            case "kill" | "producer":
                for member in self.members.of(fault.target or "producer")[:1]:
                    self.members.kill(member)
            case "redis-kill" | "redis-cut":
                self.redis.kill(fault.amount)
                self.redis.start()
            case "broker-kill":
                assert self.log is not None  # noqa: S101 - the plan has none without a server
                self.log.kill()
                self.log.start()
            case "net":
                self._net(fault.target)
            case "away":
                self._away(fault.target, fault.amount)
            case _:
                self._disturb(fault)

    def _disturb(self, fault: Fault) -> None:
        match fault.kind:
            case "join":
                if len(self.members.of(fault.target)) < _MEMBERS_MAX:
                    self._join(fault.target)
            case "leave":
                self._leave()
            case "pause":
                self._still(self.members.of(fault.target)[0], _PAUSE_SECONDS)
            case _:
                self._zombie(fault.target)

    def _away(self, server: str, seconds: int) -> None:
        """No Redis, or no broker, for so long, while the producer goes on as far as it can."""
        if self.outside:
            self.outside.before(self._until)
        away: Server | None = self.redis if server == "redis" else self.log
        assert away is not None  # noqa: S101 - the command checks it
        away.kill()
        deadline = time.monotonic() + seconds
        released = round(0.6 * self.records / 2)
        step = max(1, round(self.records / 2 * 0.4 / max(1, seconds)))
        while time.monotonic() < deadline:
            released += step
            self._allow(min(released, self.records))
            self._wait(1.0)
            if self.outside:
                self.outside.during(server)
        away.start()
        if self.outside:
            self.outside.after(self._until)

    def _zombie(self, stage: str) -> None:
        """A member is replaced while it stands still, goes on as a stale one, and then leaves."""
        zombie = self.members.of(stage)[0]
        self.members.signal(zombie, signal.SIGSTOP)
        self._join(stage)
        self._wait(self.session_seconds + _PAUSE_SECONDS)
        self.members.signal(zombie, signal.SIGCONT)
        self._wait(_PAUSE_SECONDS)
        self.outcome.leaving.append(self.members.leave(zombie))

    def _net(self, mode: str) -> None:
        modes: dict[str, Mode] = {"drop": "drop", "delay": "delay", "half-open": "half-open", "reset": "reset"}
        self.proxy.set(modes[mode])
        self._wait(_NET_SECONDS)
        self.proxy.set("pass")

    def _join(self, stage: str) -> None:
        self.members.start(stage, ("wirewatch", "consume", stage))

    def _leave(self) -> None:
        for stage in GROUPED:
            for member in self.members.of(stage)[1:]:
                self.outcome.leaving.append(self.members.leave(member))

    def _still(self, member: Member, seconds: float) -> None:
        self.members.signal(member, signal.SIGSTOP)
        self._wait(seconds)
        self.members.signal(member, signal.SIGCONT)

    def _recovered(self, name: str, started: float) -> None:
        """Wait until what is acknowledged by now has gone the whole way, and note how long after ``started``."""
        ends: dict[int, int] = {}
        for entry in read_journal(self.folder):
            ends[entry.partition] = max(ends.get(entry.partition, 0), entry.offset + 1)

        def through() -> bool:
            try:
                reached = self.reached()
            except StoreUnavailable:
                return False
            return all(reached.get(partition, 0) >= end for partition, end in ends.items())

        if self._until(through, _RECOVERY_SECONDS_MAX):
            self.outcome.recovery.setdefault(name, []).append(round(time.monotonic() - started, 2))
        else:
            self.outcome.stuck.append(f"no recovery from {name} in {_RECOVERY_SECONDS_MAX:.0f} s")

    def _allow(self, number: int) -> None:
        scratch = self.folder / f"{ALLOWED}.new"
        scratch.write_text(str(number))
        scratch.replace(self.folder / ALLOWED)

    def _wait(self, seconds: float) -> None:
        self._until(lambda: False, seconds)

    def _until(self, condition: Callable[[], bool], seconds_max: float) -> bool:
        for _ in _looks(seconds_max):
            self.members.tend()
            if condition():
                return True
        return False


def _looks(seconds_max: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        yield
        time.sleep(_LOOK_SECONDS)  # between two looks at processes that are not to know of us
