"""``wirewatch receivers``: check who is notified of alerts."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.table import Table
from rich.text import Text

from consumers.delivery.receivers import Receiver, When, load_receivers
from wirewatch.cli.render import clean, terminal
from wirewatch.seeds import shipped
from wirewatch.settings import load


@click.group()
def command() -> None:
    """Check who is notified of alerts."""


@command.command(epilog="Examples: `wirewatch receivers check`, `wirewatch receivers check my-receivers.yaml`.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, per receiver.")
def check(*, file: Path | None, as_json: bool) -> None:
    """Check FILE (default: the receivers in use) and show what its receivers ask for.

    Says file and line of whatever is wrong, and which of the files that it names cannot be read here.
    """
    path = file or load().receivers or shipped("receivers.yaml")
    found = load_receivers(path)
    if as_json:
        for receiver in found.receivers:
            click.echo(msgspec.json.encode(receiver).decode())
        return
    console = terminal()
    if not found.receivers:
        console.print(f"no receivers: nobody is notified. {path} shows how to write one.", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for title in ("Receiver", "By", "Wants", "Grouped by", "Times"):
        table.add_column(title)
    for receiver in found.receivers:
        grouped = ", ".join(receiver.group_by) or "all together"
        table.add_row(receiver.id, receiver.kind, Text(_wants(receiver)), grouped, Text(_times(receiver)))
    console.print(table)
    for receiver in found.receivers:
        for name in _files(receiver):
            if not Path(name).is_file():
                console.print(Text(f"{receiver.id}: there is no file {clean(name)} here"), style="yellow")
    inhibitions = f", {len(found.inhibit)} inhibitions" if found.inhibit else ""
    console.print(f"{len(found.receivers)} receivers{inhibitions}, no mistakes.", highlight=False)


def _wants(receiver: Receiver) -> str:
    when, usual = receiver.when, When()
    parts = [] if when.severity_min == usual.severity_min else [f"{when.severity_min} or worse"]
    for name in ("rules", "actors", "sources", "languages", "kinds"):
        if values := getattr(when, name):
            parts.append(f"{name}: {clean(', '.join(values))}")
    return "\n".join(parts + (["old ones too"] if receiver.old else [])) or "all alerts"


def _times(receiver: Receiver) -> str:
    parts = []
    if digest := receiver.digest:
        parts.append(f"once a {digest.every} at {digest.at} {digest.zone}")
    else:
        parts.append(f"waits {receiver.group_wait}, then every {receiver.group_interval}")
    if receiver.repeat_interval:
        factor = f" × {receiver.repeat_factor:g}" if receiver.repeat_factor > 1 else ""
        parts.append(f"repeats after {receiver.repeat_interval}{factor}")
    parts += [f"quiet {quiet.from_} to {quiet.to} {quiet.zone}" for quiet in receiver.quiet]
    return "\n".join(parts)


def _files(receiver: Receiver) -> list[str]:
    named = receiver.webhook or receiver.apprise
    return [path for name in ("url_file", "secret_file") if (path := getattr(named, name, ""))]
