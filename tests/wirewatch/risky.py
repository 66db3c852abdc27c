"""A stage for worker processes that does what the texts say: dies, hangs, eats memory, waits. Also a program that runs
it, or another, as a member, to be killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.wirewatch.stages import AwayStore
from wirewatch import logs, runner
from wirewatch.cli.signals import stop_event
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import Rejected
from wirewatch.metrics import Metrics
from wirewatch.records import Article, Mentions
from wirewatch.settings import load
from wirewatch.stage import Apply, Context, Received, Sink, Stage, Transform
from wirewatch.topics import ARTICLES, MENTIONS
from wirewatch.watchdog import Watchdog

LOOK_SECONDS = 0.01
READY = "RISKY_READY"
"""Names the file that the program makes when it has begun and can be asked to stop."""


def obey(text: str) -> None:
    """Do what the text says; an ordinary text says nothing."""
    order, _, argument = text.partition(" ")
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif order == "falter":  # dies two times, and then not any more
        with Path(argument).open("a") as file:
            file.write("†")
            file.flush()
        if len(Path(argument).read_text()) <= 2:
            os.kill(os.getpid(), signal.SIGKILL)
    elif order == "hang":
        threading.Event().wait()
    elif order == "eat":
        held = []
        while True:
            held.append(bytearray(16 << 20))
    elif order == "break":
        raise KeyError(argument)
    elif order == "wait":
        Path(f"{argument}.begun").touch()
        while not Path(argument).exists():
            threading.Event().wait(LOOK_SECONDS)


def open_risky(_: Context) -> Apply[Article, Mentions]:
    def apply(batch: Sequence[Received[Article]]) -> list[Mentions | Rejected]:
        for item in batch:
            obey(item.record.text)
        return [
            Rejected("too-odd", "as asked")
            if item.record.text == "odd"
            else Mentions(status="none", article_id=item.record.id)
            for item in batch
        ]

    return apply


RISKY: Transform[Article, Mentions] = Transform(
    name="risky",
    summary="for tests",
    reads=ARTICLES,
    writes=MENTIONS,
    open=open_risky,
    mark=lambda marked: Mentions(status=marked.status, reason=marked.reason),
    key=lambda record: record.article_id,
    dead_letters_undecodable=True,
    apart="tests.wirewatch.risky:RISKY",
)
AT_ONCE: Transform[Article, Mentions] = Transform(
    name="at-once",
    summary="the same in the process that polls, as no stage should",
    reads=ARTICLES,
    writes=MENTIONS,
    open=open_risky,
    mark=RISKY.mark,
    key=RISKY.key,
    dead_letters_undecodable=True,
)
AWAY: Sink[Mentions] = Sink(
    name="away", summary="its store never answers", reads=(MENTIONS,), open=lambda _: AwayStore()
)
STAGES: dict[str, Stage] = {stage.name: stage for stage in (RISKY, AT_ONCE, AWAY)}


def main(name: str) -> None:
    """As ``wirewatch consume`` runs a stage."""
    settings = load()
    logs.configure(settings, process=name)
    stop = stop_event()
    watchdog = Watchdog(settings.stall_seconds, stop)
    if READY in os.environ:
        Path(os.environ[READY]).touch()
    context = Context(settings=settings, metrics=Metrics())
    runner.run(STAGES[name], open_broker(settings), context, stop, watchdog.turned)


if __name__ == "__main__":
    main(sys.argv[1])
