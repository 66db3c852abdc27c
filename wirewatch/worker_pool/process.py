"""The parent's hold on one worker process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from wirewatch.broker import Message
from wirewatch.errors import WirewatchError
from wirewatch.settings import Settings
from wirewatch.worker_pool.wire import Answer, Closed, Failed, Job, Ready, Result, Start, receive, send

_START_SECONDS_MAX = 120.0
_GRACE_SECONDS = 1.0
_END_SECONDS_MAX = 2.0
# Each worker is one core's work: libraries that start threads of their own would only make them fight.
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_OURS = ("KAFKA_", "REDIS_", "WIREWATCH_")


class WorkersBroken(WirewatchError):
    """Worker processes cannot start at all; the message holds the last one's last words."""


@dataclass(frozen=True, slots=True)
class Died:
    """A worker ended before it answered. ``reason``: ``worker-crash`` or ``worker-timeout``."""

    reason: str
    detail: str


class WorkerProcess:
    """One running worker with its stage loaded. For one thread, except ``kill``."""

    def __init__(self, stage: str, settings: Settings) -> None:
        """Returns at once; ``ready`` waits. Call it from a thread that outlives the worker: the kernel watches it."""
        self._job_seconds = settings.worker_job_seconds
        self.documents = 0
        """How many it was given."""
        self._channel, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "wirewatch.worker_pool.member", str(other.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                env=environment(os.environ),
            )
        self._start = Start(stage, shown_settings(settings), settings.worker_memory_bytes, self._job_seconds)

    def ready(self) -> None:
        """Return once its stage is loaded. Raises WorkersBroken when it is not."""
        deadline = time.monotonic() + _START_SECONDS_MAX
        try:
            send(self._channel, self._start, deadline)
            said = receive(self._channel, deadline)
        except (Closed, TimeoutError):
            said = Failed("no word in time" if self._process.poll() is None else "")
        if not isinstance(said, Ready):
            self.kill()
            raise WorkersBroken(f"a worker could not start: {self._ended(said)}")

    def do(self, messages: Sequence[Message]) -> list[Result] | Died:
        """One result per message, or how the worker ended; it is then of no more use. Never raises."""
        self.documents += len(messages)
        started = time.monotonic()
        deadline = started + self._job_seconds + _GRACE_SECONDS
        said: Any = None
        try:
            send(self._channel, Job(list(messages)), deadline)
            said = receive(self._channel, deadline)
        except (Closed, TimeoutError):
            pass
        if isinstance(said, Answer) and len(said.results) == len(messages):
            return said.results
        late = time.monotonic() - started >= self._job_seconds
        self.kill()
        if late:
            return Died("worker-timeout", f"no answer within {self._job_seconds:g} seconds")
        return Died("worker-crash", self._ended(said))

    def _ended(self, said: object) -> str:
        self._process.wait()
        last_words = f": {said.detail}" if isinstance(said, Failed) and said.detail else ""
        return f"exit code {self._process.returncode}{last_words}"

    def close(self) -> None:
        """Let an idle worker end. Repeating is safe."""
        self._channel.close()
        try:
            self._process.wait(_END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, from any thread; ``do`` then returns. Repeating is safe."""
        self._process.kill()
        self._process.wait()


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """What a worker sees of our environment: no setting of ours, so no secret; one thread per library."""
    return {name: value for name, value in given.items() if not name.startswith(_OURS)} | dict.fromkeys(
        _ONE_THREAD, "1"
    )


def shown_settings(settings: Settings) -> dict[str, Any]:
    """The settings as plain values, without the secrets."""
    secret = {name for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    return settings.model_dump(mode="json", exclude=secret)
