"""The campaign's own Redis or Valkey: it keeps its port over kills, and can lose the tail of its append-only file."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from wirewatch import redis_client
from wirewatch.errors import StoreUnavailable, UserError
from wirewatch.local import child
from wirewatch.local.valkey import server_program

_START_SECONDS_MAX = 20


class ChaosRedis:
    """appendfsync everysec, as in production; its data are in ``folder``."""

    def __init__(self, folder: Path, port: int, log_file: Path) -> None:
        self._folder = folder
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        """Return when it answers. Raises UserError with its own words when it does not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        options = {
            "bind": "127.0.0.1", "port": str(self.port), "dir": str(self._folder.resolve()), "appendonly": "yes",
            "appendfsync": "everysec", "save": "", "maxmemory-policy": "noeviction", "aof-load-truncated": "yes",
        }  # fmt: skip
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = child.spawn([server_program(), *arguments], log_file=self._log_file)
        client = redis_client.connect(self.url)

        def ping() -> bool:
            with redis_client.answers():
                return bool(client.ping())

        waiting = Retrying(
            retry=retry_if_exception_type(StoreUnavailable) | retry_if_result(lambda answered: not answered),
            wait=wait_fixed(0.02),
            stop=stop_after_delay(_START_SECONDS_MAX),
            retry_error_callback=lambda _: False,
        )
        answered = waiting(ping)
        client.close()
        if not answered:
            raise UserError(f"the campaign's Redis did not start: {child.tail(self._log_file)}")

    def kill(self, cut_bytes: int = 0) -> bool:
        """kill -9; then take so many bytes off the end of its append-only file, as a power cut would. False where it
        did not run any more."""
        if self._process is None:
            return False
        self._process.kill()
        killed = self._process.wait() == -signal.SIGKILL
        self._process = None
        newest = max(self._folder.rglob("*.incr.aof"), key=lambda file: file.stat().st_mtime, default=None)
        if cut_bytes and newest is not None:
            os.truncate(newest, max(0, newest.stat().st_size - cut_bytes))
        return killed

    def stop(self) -> None:
        """Stop in order. Repeating is safe."""
        if self._process is not None:
            child.stop(self._process, 10)
            self._process = None
