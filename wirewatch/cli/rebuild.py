"""``wirewatch rebuild``: count the retained log again."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from consumers.counters import COUNTERS
from consumers.keys import Keys
from consumers.rebuilding import empty, hold, release
from wirewatch import logs, runner
from wirewatch.broker import Broker, TopicPartition
from wirewatch.cli.path import ArticlePath
from wirewatch.cli.signals import stop_event
from wirewatch.cli.wiring import open_broker, open_redis
from wirewatch.errors import UserError
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings, load
from wirewatch.stage import Context

_LOOK_SECONDS = 0.2


@click.group()
def command() -> None:
    """Count the retained log again."""


@command.command(epilog="Examples: `wirewatch rebuild counters`, `wirewatch rebuild counters --yes`.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def counters(yes: bool) -> None:
    """Empty the counters and count all that the log still holds again, to the same values.

    Nothing needs to be stopped: running members wait while the counters are emptied, then help to count. Alerts stay,
    and none that was raised before is raised again. Articles that are older than the log's retention are no longer
    counted. If it is interrupted, run it again.
    """
    settings = load()
    broker = open_broker(settings)
    starts = _starts(broker)
    _confirm(starts, yes)
    logs.configure(settings.model_copy(update={"log_level": "error"}), process="rebuild")
    stop = stop_event()
    keys = Keys(settings.redis_prefix)
    console = Console(stderr=True)
    with closing(open_redis(settings)) as client:
        hold(client, keys, list(starts))
        with console.status("emptying") as status:
            deleted = 0
            for step in empty(client, keys, list(starts)):
                deleted += step
                status.update(f"emptying: {deleted:,} keys")
        # Asked again: retention may have moved on.
        release(client, keys, _starts(broker))
    console.print(f"{deleted:,} keys deleted", highlight=False)
    _replay(broker, settings, console, stop)


def _starts(broker: Broker) -> dict[TopicPartition, int]:
    """First offset that the log holds, per partition that the counters read. Raises UserError without topics."""
    with closing(broker.admin()) as admin:
        starts = {
            TopicPartition(name, partition): first
            for name in (topic.name for topic in COUNTERS.reads)
            for partition, (first, _) in admin.offsets(name).items()
        }
    if not starts:
        raise UserError(f"the {broker.name} has no topics: run `wirewatch topics create`")
    return starts


def _confirm(starts: dict[TopicPartition, int], yes: bool) -> None:
    expired = sum(starts.values())
    lost = f" {expired:,} records have expired and will not be counted any more." if expired else ""
    question = f"This empties the counters and counts the log again.{lost} Go on?"
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("nobody is there to confirm that the counters are emptied: use --yes")
    click.confirm(question, abort=True)


def _replay(broker: Broker, settings: Settings, console: Console, stop: threading.Event) -> None:
    """Take part as a member of the group: joining it makes every other member ask anew where it stands."""
    context = Context(settings=settings, metrics=Metrics())
    path = ArticlePath([COUNTERS], settings)
    with ThreadPoolExecutor(1, thread_name_prefix="counters") as pool:
        counting = pool.submit(runner.run, COUNTERS, broker, context, stop)
        try:
            _wait(path, console, lambda: not counting.done() and not stop.wait(_LOOK_SECONDS))
        except UserError:
            if counting.done():
                counting.result()  # what stopped it says more
            raise
        finally:
            stop.set()
            path.close()


def _wait(path: ArticlePath, console: Console, go_on: Callable[[], bool]) -> None:
    (reached,) = path.reached()
    goal = reached.total
    columns = (TextColumn("counting"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("counting", total=goal, completed=reached.done)
        while reached.done < goal:
            if not go_on():
                raise UserError(
                    f"interrupted at {reached.done:,} of {goal:,} records: running `counters` go on by themselves"
                )
            (reached,) = path.reached()
            progress.update(task, completed=min(goal, reached.done))
    console.print(f"[green]✓[/green] {goal:,} records counted again", highlight=False)
