"""``wirewatch up --once``: publish the samples, wait until every stage has done its part, print what came out."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule

from consumers.alert_feed import Wanted, read_page
from consumers.installed_pipelines import installed
from consumers.keys import Keys
from consumers.reading import Query, read_counters
from consumers.stages import PATH
from producers.publish import publish
from wirewatch.cli.path import ArticlePath, Reached, settled
from wirewatch.cli.render import alerts_table, counters_table
from wirewatch.cli.samples import sample_items, shown
from wirewatch.cli.wiring import open_broker, open_redis
from wirewatch.errors import UserError
from wirewatch.local import machine
from wirewatch.local.supervisor import Supervisor
from wirewatch.metrics import Metrics

_LOOK_SECONDS = 0.1
_WAIT_SECONDS_MAX = 600.0
_ALERTS_SHOWN_MAX = 1_000


def run(servers: machine.Servers, console: Console, stop: threading.Event) -> None:
    """Do all of it, with progress throughout. Raises UserError when it does not get done, naming the stage."""
    names = {name: ("consume", name) for name in PATH}
    with machine.processes(names, servers.env, servers.settings.data_dir) as supervisor:
        console.print(f"[green]✓[/green] stages {', '.join(PATH)}, each a process", highlight=False)
        if not installed(servers.settings.models_dir):
            console.print("[yellow]![/yellow] no spaCy pipeline is installed: persons and places are not extracted")
        started = time.monotonic()
        _publish(servers, console)
        _wait(servers, supervisor, console, stop)
        console.print(f"[green]✓[/green] all processed in {time.monotonic() - started:.1f} s", highlight=False)
        _report(servers, console)
    console.print("[green]✓[/green] everything stopped\n", highlight=False)
    console.print(_next_steps(), highlight=False, soft_wrap=True)


def _next_steps() -> str:
    # `make demo` runs the program in a virtual environment that this terminal need not have entered.
    program = Path(sys.executable).with_name("activate")
    entered = shutil.which("wirewatch") is not None or not program.exists()
    enter = "" if entered else f"First, in this terminal  [bold]. {shown(program)}[/bold]\n"
    return (
        f"{enter}"
        "Keep it running          [bold]wirewatch up[/bold]\n"
        "Feed it your own         [bold]wirewatch publish FILE[/bold]  (text, HTML, JSON Lines, RSS, Atom, JSON Feed)\n"
        "Watch a live feed        [bold]wirewatch feeds poll URL[/bold]\n"
        "See alerts as they come  [bold]wirewatch alerts --follow[/bold]"
    )


def _publish(servers: machine.Servers, console: Console) -> None:
    producer = open_broker(servers.settings).producer()
    try:
        tally = publish(sample_items(servers.settings), producer, stage="publish", metrics=Metrics())
    finally:
        producer.close()
    rejected = f", {tally.rejected} rejected (kept in dead letters)" if tally.rejected else ""
    console.print(f"[green]✓[/green] {tally.published} sample articles published{rejected}", highlight=False)


def _wait(servers: machine.Servers, supervisor: Supervisor, console: Console, stop: threading.Event) -> None:
    """Until nothing is left to do. Raises UserError when that takes too long, GaveUp when a stage cannot run."""
    path = ArticlePath(list(PATH.values()), servers.settings)
    deadline = time.monotonic() + _WAIT_SECONDS_MAX
    try:
        with _Bars(console, list(PATH)) as bars:
            while True:
                found = path.reached()
                bars.show(found)
                if settled(found):
                    return
                for event in supervisor.tend():
                    console.print(event)
                if stop.wait(_LOOK_SECONDS):
                    raise UserError("stopped before all was processed")
                if time.monotonic() > deadline:
                    late = next(entry.stage for entry in found if entry.done < entry.total)
                    raise UserError(f"{late} did not finish in time: see {supervisor.log_file(late)}")
    finally:
        path.close()


def _report(servers: machine.Servers, console: Console) -> None:
    settings = servers.settings
    client, keys = open_redis(settings), Keys(settings.redis_prefix)
    now = datetime.now(UTC)
    try:
        page = read_page(client, keys, Wanted(), limit=_ALERTS_SHOWN_MAX)
        query = Query(by="actor", since=now - timedelta(days=1), until=now + timedelta(hours=1))
        rows = read_counters(client, keys, settings.partitions, query)
    finally:
        client.close()
    articles = sum(fed.alert.story_articles for fed in page.alerts)
    console.print(Rule(f"{len(page.alerts)} alerts of {articles} articles", align="left"))
    console.print(alerts_table([fed.alert for fed in page.alerts[::-1]]))
    console.print(Rule("Counters", align="left"))
    console.print(counters_table(rows))


class _Bars:
    """A bar per stage on a terminal; elsewhere a line when a stage is through."""

    def __init__(self, console: Console, stages: Sequence[str]) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("  {task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_interactive,
        )
        self._tasks = {stage: self._progress.add_task(stage, total=None) for stage in stages}
        self._last: Sequence[Reached] = ()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def show(self, found: Sequence[Reached]) -> None:
        for entry in found:
            self._progress.update(self._tasks[entry.stage], completed=entry.done, total=entry.total)
        self._last = found

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        if settled(self._last):
            done = ", ".join(f"{entry.stage} {entry.done}" for entry in self._last if entry.total)
            self._console.print(f"[green]✓[/green] records processed: {done}", highlight=False)
