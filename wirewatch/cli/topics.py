"""``wirewatch topics``: create the topics, and look at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import click
import msgspec
from rich.console import Console
from rich.table import Table

from wirewatch.broker import Admin
from wirewatch.cli.wiring import open_broker
from wirewatch.settings import load
from wirewatch.topics import TOPICS, specs


@dataclass(frozen=True, slots=True)
class _Seen:
    """A topic as the broker has it. ``partitions`` 0: it does not exist. The offsets are sums over partitions."""

    topic: str
    partitions: int
    first: int
    next: int
    held: int
    purpose: str


@click.group(
    epilog="\b\nExamples:\n  wirewatch topics create\n  WIREWATCH_REPLICATION=3 wirewatch topics create\n"
    "  wirewatch topics list --json"
)
def command() -> None:
    """Create and list the topics.

    Topics are never created by using them: `wirewatch up` creates them, and so does this.
    """


@command.command(epilog="\b\nExamples:\n  wirewatch topics create\n  WIREWATCH_REPLICATION=3 wirewatch topics create")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the names created, and those that were there.")
def create(*, as_json: bool) -> None:
    """Create what is missing, with partitions, replication and retention from the settings. Repeating is safe."""
    settings = load()
    wanted = specs(settings)
    with _admin() as admin:
        created = admin.create_topics(wanted)
    existing = [spec.name for spec in wanted if spec.name not in created]
    if as_json:
        click.echo(msgspec.json.encode({"created": created, "existing": existing}))
        return
    for spec in wanted:
        done = "created" if spec.name in created else "was there"
        click.echo(f"{spec.name}: {done}, {spec.partitions} partitions")


@command.command("list", epilog="\b\nExamples:\n  wirewatch topics list\n  wirewatch topics list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per topic and line.")
def list_(*, as_json: bool) -> None:
    """Show every topic: partitions, how much it holds, and what it is for.

    First and next are offsets, summed over the partitions: next counts all records ever written.
    """
    with _admin() as admin:
        seen = [_look(admin, topic.name, topic.purpose) for topic in TOPICS]
    if as_json:
        for topic in seen:
            click.echo(msgspec.json.encode(asdict(topic)))
        return
    table = Table("topic", "partitions", "first", "next", "held", "purpose", box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for topic in seen:
        partitions = str(topic.partitions) if topic.partitions else "missing"
        table.add_row(topic.topic, partitions, str(topic.first), str(topic.next), str(topic.held), topic.purpose)
    Console().print(table)
    if not all(topic.partitions for topic in seen):
        click.echo("\nRun `wirewatch topics create` to make those that are missing.")


@contextmanager
def _admin() -> Iterator[Admin]:
    admin = open_broker(load()).admin()
    try:
        yield admin
    finally:
        admin.close()


def _look(admin: Admin, topic: str, purpose: str) -> _Seen:
    offsets = admin.offsets(topic).values()
    first, following = sum(first for first, _ in offsets), sum(following for _, following in offsets)
    return _Seen(topic, len(offsets), first, following, following - first, purpose)
