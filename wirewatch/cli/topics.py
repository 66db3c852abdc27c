"""``wirewatch topics``: create and list the topics."""

from __future__ import annotations

import click
import msgspec
from rich.table import Table

from wirewatch.cli.render import terminal
from wirewatch.cli.wiring import open_broker
from wirewatch.settings import load
from wirewatch.topics import TOPICS, specs


@click.group()
def command() -> None:
    """Create and list the topics."""


@command.command(epilog="Examples: `wirewatch topics create`, `WIREWATCH_REPLICATION=3 wirewatch topics create`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def create(as_json: bool) -> None:
    """Create the topics that are missing; repeating is safe.

    Partitions, copies and retention come from the settings WIREWATCH_PARTITIONS, WIREWATCH_REPLICATION,
    WIREWATCH_RETENTION_HOURS and WIREWATCH_RETENTION_HOURS_KEPT. Existing topics are left as they are; one with another
    number of partitions is an error, as counters are kept by partition.
    """
    settings = load()
    admin = open_broker(settings).admin()
    try:
        created = admin.create_topics(specs(settings))
    finally:
        admin.close()
    if as_json:
        click.echo(msgspec.json.encode({"created": created, "partitions": settings.partitions}))
    elif created:
        click.echo(f"created {', '.join(created)}, {settings.partitions} partitions each")
    else:
        click.echo("nothing to create: every topic is there")


@command.command("list", epilog="Examples: `wirewatch topics list`, `wirewatch topics list --json`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """Show the topics: partitions, records held, records ever written, and what each is for.

    Exits with 1 when one is missing.
    """
    broker = open_broker(load())
    admin = broker.admin()
    try:
        offsets = {topic: admin.offsets(topic.name) for topic in TOPICS if admin.partitions(topic.name)}
    finally:
        admin.close()
    rows = [
        (topic, len(ends), sum(end - start for start, end in ends.values()), sum(end for _, end in ends.values()))
        for topic, ends in offsets.items()
    ]
    if as_json:
        for topic, partitions, held, written in rows:
            row = {"topic": topic.name, "partitions": partitions, "held": held, "written": written}
            click.echo(msgspec.json.encode(row))
    elif rows:
        table = Table("Topic", "Partitions", "Records held", "Ever written", "Holds", box=None, pad_edge=False)
        for topic, partitions, held, written in rows:
            table.add_row(topic.name, str(partitions), f"{held:,}", f"{written:,}", topic.purpose)
        terminal().print(table)
    if missing := [topic.name for topic in TOPICS if topic not in offsets]:
        click.echo(f"missing on the {broker.name}: {', '.join(missing)}; run `wirewatch topics create`", err=True)
        raise click.exceptions.Exit(1)
