"""Drives a campaign: lets the producer go on, does one fault after the other, and waits for each recovery."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wirewatch.chaos.members import STOP_SECONDS_MAX, Member, Members
from wirewatch.chaos.outage import Outside
from wirewatch.chaos.plan import KILLS, MEMBERS_MAX, STAGES, Fault
from wirewatch.chaos.producer import ALLOWED, Journal
from wirewatch.chaos.proxy import Mode, Proxy
from wirewatch.chaos.redis import ChaosRedis
from wirewatch.errors import StoreUnavailable

_LOOK_SECONDS = 0.05
_AFTER_SECONDS = 0.5
_RECOVERY_SECONDS_MAX = 180.0
_VICTIM_SECONDS_MAX = 60.0
_NET_SECONDS = 4.0
_PAUSE_SECONDS = 3.0
_STORM_SECONDS = 5.0
_END_SECONDS_MAX = 300.0

Reached = Mapping[int, int]
"""Per partition of articles.v1: the first offset whose record has not gone the whole way."""


class Server(Protocol):
    """Redis, or the broker."""

    def kill(self) -> bool: ...

    def start(self) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What happened: faults done by name, seconds to recover by kind of fault, and what took too long."""

    done: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    recovery: dict[str, list[float]] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    looks: int = 0
    """How often ingest and readiness were looked at during an outage."""
    catch_up: float | None = None
    """After an outage: how many times faster than they came in articles were caught up."""


@dataclass(slots=True, kw_only=True)
class Campaign:
    """All of one run. ``commands``: what runs each stage. ``reached`` raises StoreUnavailable while Redis is away."""

    folder: Path
    records: int
    members: Members
    commands: Mapping[str, Sequence[str]]
    redis: ChaosRedis
    log: Server | None
    proxies: Mapping[str, Proxy]
    session_seconds: float
    reached: Callable[[], Reached]
    say: Callable[[str], None]
    outside: Outside | None = None
    outcome: Outcome = field(default_factory=Outcome)
    journal: Journal = field(init=False)
    _allowed: int = 0

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder)

    def run(self, faults: Sequence[Fault]) -> Outcome:
        """Do all faults, then wait until every record is acknowledged and has gone the whole way."""
        for stage in STAGES:
            self._join(stage)
        self._allow(0)
        self.members.start("producer", ("wirewatch.chaos.producer", str(self.folder)), ends=True)
        for number, fault in enumerate(faults):
            self._one(number, fault, len(faults))
        self._allow(self.records)
        self._recovered("the end", time.monotonic(), _END_SECONDS_MAX)
        return self.outcome

    def _one(self, number: int, fault: Fault, count: int) -> None:
        slice_ = self.records / (count + 1)
        self._allow(round((number + 0.6) * slice_))
        self._wait(fault.delay_seconds)
        started = time.monotonic()
        self.say(f"{number + 1}/{count} {fault.name}")
        if self._do(fault):
            self.outcome.done[fault.name] += 1
            self.outcome.kills += fault.kind in KILLS
        if fault.kind not in KILLS:
            started = time.monotonic()  # what lasts for a while is no recovery
        self._allow(round((number + 1) * slice_))
        if fault.alone and fault.kind != "away":
            self._wait(_AFTER_SECONDS)
            self._recovered(fault.name, started)

    def _do(self, fault: Fault) -> bool:
        """Whether it could be done; of a fault that is planned and cannot be, ``stuck`` says so."""
        match fault.kind:
            case "kill":
                return self._kill(fault.target)
            case "redis-kill" | "redis-cut":
                return self._kill_server("Redis", lambda: self.redis.kill(fault.amount), self.redis)
            case "broker-kill":
                assert self.log is not None  # noqa: S101 - the plan has none without a server
                return self._kill_server("the broker", self.log.kill, self.log)
            case "redis-net" | "broker-net":
                self._net(self.proxies[fault.kind.removesuffix("-net")], fault.target)
            case "away":
                self._away(fault.target, fault.amount)
            case "producer":
                return self.members.kill("producer")  # it may have done its work
            case _:
                self._move(fault)
        return True

    def _kill(self, victim: str) -> bool:
        """Of one that lives: waits until one does."""
        done = self._until(lambda: self.members.kill(victim), _VICTIM_SECONDS_MAX)
        if not done:
            self.outcome.stuck.append(f"no {victim} lived within {_VICTIM_SECONDS_MAX:.0f} s, to be killed")
        return done

    def _kill_server(self, name: str, kill: Callable[[], bool], server: Server) -> bool:
        done = kill()
        if not done:
            self.members.ended_alone.append(f"{name} ended by itself")
        server.start()
        return done

    def _move(self, fault: Fault) -> None:
        """What happens to members of a stage."""
        match fault.kind:
            case "join":
                self._join(fault.target)
            case "leave":
                self._leave([self._alive(fault.target)])
            case "storm":
                while len(self.members.of(fault.target)) < MEMBERS_MAX:
                    self._join(fault.target)
                self._wait(_STORM_SECONDS)
                self._leave(self.members.of(fault.target)[1:])
                self._wait(_STORM_SECONDS)
            case "pause":
                self._still(self._alive(fault.target), _PAUSE_SECONDS)
            case _:
                self._zombie(fault.target)

    def _alive(self, stage: str) -> Member:
        self._until(lambda: bool(self.members.living(stage)), _VICTIM_SECONDS_MAX)
        return (self.members.living(stage) or self.members.of(stage))[0]

    def _away(self, server: str, seconds: int) -> None:
        """No Redis, or no broker, for so long, while the producer goes on as far as it can."""
        if self.outside:
            self.outside.before(self._until)
        self._recovered("the start", time.monotonic())
        away: Server | None = self.redis if server == "redis" else self.log
        assert away is not None  # noqa: S101 - the command checks it
        away.kill()
        began = time.monotonic()
        before, share = self._allowed, (self.records - self._allowed) * 0.8
        while (passed := time.monotonic() - began) < seconds:
            self._allow(before + round(share * passed / seconds))
            self._wait(1.0)
            if self.outside:
                self.outside.during(server)
        away.start()
        arrival = (self._allowed - before) / (time.monotonic() - began)
        returned = time.monotonic()
        if self._recovered(f"away {server}", returned):
            self.outcome.catch_up = round((self._allowed - before) / (time.monotonic() - returned) / arrival, 1)
        if self.outside:
            self.outside.after(self._until)

    def _zombie(self, stage: str) -> None:
        """A member is replaced while it stands still, goes on as a stale one, and then leaves."""
        zombie = self._alive(stage)
        self.members.signal(zombie, signal.SIGSTOP)
        self._join(stage)
        self._wait(self.session_seconds + _PAUSE_SECONDS)
        self.members.signal(zombie, signal.SIGCONT)
        self._wait(_PAUSE_SECONDS)
        self._leave([zombie])

    def _net(self, proxy: Proxy, mode: str) -> None:
        modes: dict[str, Mode] = {"drop": "drop", "delay": "delay", "half-open": "half-open", "reset": "reset"}
        proxy.set(modes[mode])
        self._wait(_NET_SECONDS)
        proxy.set("pass")

    def _join(self, stage: str) -> None:
        self.members.start(stage, self.commands[stage])

    def _leave(self, leaving: Sequence[Member]) -> None:
        asked = [(member, self.members.dismiss(member)) for member in leaving]
        self._until(lambda: not any(member.lives for member, _ in asked), STOP_SECONDS_MAX)
        for member, since in asked:
            self.members.ended(member, since)

    def _still(self, member: Member, seconds: float) -> None:
        self.members.signal(member, signal.SIGSTOP)
        self._wait(seconds)
        self.members.signal(member, signal.SIGCONT)

    def _recovered(self, name: str, started: float, seconds_max: float = _RECOVERY_SECONDS_MAX) -> bool:
        """Wait until what is allowed by now is acknowledged and has gone the whole way, and note how long after
        ``started`` that was."""

        def through() -> bool:
            self.journal.read()
            if len(self.journal.acknowledged) < self._allowed:
                return False
            try:
                reached = self.reached()
            except StoreUnavailable:
                return False
            return all(reached.get(partition, 0) >= end for partition, end in self.journal.ends.items())

        if self._until(through, seconds_max):
            self.outcome.recovery.setdefault(name, []).append(round(time.monotonic() - started, 2))
            return True
        missing = self._allowed - len(self.journal.acknowledged)
        self.outcome.stuck.append(f"no recovery from {name} in {seconds_max:.0f} s ({missing} not acknowledged)")
        return False

    def _allow(self, number: int) -> None:
        self._allowed = min(max(number, self._allowed), self.records)
        scratch = self.folder / f"{ALLOWED}.new"
        scratch.write_text(str(self._allowed))
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
