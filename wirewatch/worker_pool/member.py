"""A worker process: loads a stage, then answers jobs until its parent is gone. Started by ``process``, never by hand.

It knows no secret and no server: what it gets is records, what it gives is records. Whatever breaks it, a crash, a
hang, a text that eats all memory, breaks it alone.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from wirewatch import logs
from wirewatch.broker import Message
from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.local.tether import die_with
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.stage import Apply, Context, Received, Transform
from wirewatch.worker_pool.wire import Answer, Closed, Failed, Job, Ready, Result, Start, receive, send

_DETAIL_CHARS_MAX = 500
_OOM_SCORE = "500"


def main(descriptor: int, parent: int) -> int:
    """Serve the parent at the other end of socket ``descriptor``; the exit code is 0 when it is gone."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # Ctrl-C reaches all: our parent decides when we end, by closing the socket
    die_with(parent, signal.SIGKILL)
    with socket.socket(fileno=descriptor) as channel:
        try:
            _serve(channel)
        except Closed:
            return 0
        except Exception as fault:  # noqa: BLE001 - this is the process's outermost frame; the parent logs and judges it
            with suppress(Closed):
                send(channel, Failed(f"{type(fault).__name__}: {fault}"[:_DETAIL_CHARS_MAX]))
            return 1
    return 0


def _serve(channel: socket.socket) -> None:
    start = receive(channel)
    assert isinstance(start, Start)  # noqa: S101 - our own parent's first word
    _limit_memory(start.memory_bytes_max)
    settings = Settings(**start.settings)
    logs.configure(settings, process="worker")
    stage = load(start.stage)
    apply = stage.open(Context(settings=settings, metrics=Metrics()))
    send(channel, Ready())
    while True:
        job = receive(channel)
        assert isinstance(job, Job)  # noqa: S101 - as above
        # By a thread that needs no interpreter lock: it ends also a worker that hangs in C, and says where it hung.
        faulthandler.dump_traceback_later(start.job_seconds_max, exit=True)
        results = answers(stage, apply, job.messages)
        faulthandler.cancel_dump_traceback_later()
        send(channel, Answer(results))


def load(name: str) -> Transform[Any, Any]:
    """The stage that ``module:attribute`` names."""
    module, _, attribute = name.partition(":")
    stage: Transform[Any, Any] = getattr(importlib.import_module(module), attribute)
    return stage


def answers(stage: Transform[Any, Any], apply: Apply[Any, Any], messages: Sequence[Message]) -> list[Result]:
    """One result per message, in order. Raises whatever ``apply`` raises: that is the end of a worker."""
    results = apply([Received(decode(stage.reads, message.value), message) for message in messages])
    return [
        Result(reason=result.reason, detail=result.detail, ours=result.ours)
        if isinstance(result, Rejected)
        else Result(stage.writes.encode(result))
        for result in results
    ]


def _limit_memory(bytes_max: int) -> None:
    """No more address space than that; and when the machine runs out, the kernel shall take us and not our parent."""
    if sys.platform != "linux":
        return
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)
    if bytes_max:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = bytes_max if hard == resource.RLIM_INFINITY else min(bytes_max, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    # Whatever a pipeline prints goes where our log goes.
    os.dup2(2, 1)
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
