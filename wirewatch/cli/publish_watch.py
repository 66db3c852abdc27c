"""``wirewatch publish --watch``: folders that files are put into."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import click

from producers.accept import Item
from producers.files import Reader
from producers.inbox import Inbox, Taken
from producers.publish import Tally, publish
from wirewatch import logs, metrics_server
from wirewatch.broker import Broker
from wirewatch.cli.publish_report import report, summary
from wirewatch.cli.signals import stop_event
from wirewatch.errors import BrokerUnavailable, UsageError
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings


def watch(folder: str, reader: Reader, broker: Broker, settings: Settings, *, as_json: bool) -> int:
    """Publish every file that is put into ``folder`` until a signal comes. Raises UserError."""
    if not Path(folder).is_dir():
        raise UsageError(f"{folder}: --watch takes a folder, and this is none")
    logs.configure(settings, process="publish")
    stop = stop_event()
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # see is_open_for_writing
    metrics = Metrics().with_process_metrics()
    metrics_server.serve(metrics, settings)
    producer = broker.producer()

    def publish_all(items: Iterator[Item]) -> Tally:
        return publish(items, producer, stage="publish", metrics=metrics, on_batch=partial(_report, as_json=as_json))

    def started() -> None:
        click.echo(f"watching {folder}; what was read goes to its done/ or failed/", err=True)

    inbox = Inbox(folder=Path(folder), read=reader.file, publish=publish_all, on_taken=_taken, on_outage=_outage)
    try:
        inbox.run(stop, started)
    finally:
        producer.close()
    return 0


def _report(batch: Sequence[Item], *, as_json: bool) -> None:
    for item in batch:
        report(item, as_json, show_accepted=False)


def _taken(taken: Taken) -> None:
    for file in taken.skipped:
        click.echo(f"{file.path}: skipped: {file.why}", err=True)
    then = f"moved to {taken.moved_to}" if taken.moved_to else "changed meanwhile, so it is read again"
    click.echo(f"{taken.path}: {summary(taken.tally)}; {then}", err=True)


def _outage(error: BrokerUnavailable, seconds: float) -> None:
    click.echo(f"{error}; next try in {seconds:g} s, all files stay where they are", err=True)
