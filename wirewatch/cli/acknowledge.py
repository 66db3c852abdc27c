"""``wirewatch acknowledge``: take an alert on."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import msgspec

from consumers.life.model import Acknowledgement
from wirewatch.cli.render import clean
from wirewatch.cli.saying import checked, desk
from wirewatch.errors import UsageError


@click.command(
    epilog='Examples: `wirewatch acknowledge 3f9a… --comment "calling Brussels"`, `wirewatch acknowledge 3f9a… '
    "--withdraw`."
)
@click.argument("alert", metavar="ALERT")
@click.option("--comment", default="", help="What you do about it.")
@click.option("--by", metavar="NAME", help="Who does. Default: your login name.")
@click.option("--withdraw", is_flag=True, help="Take the acknowledgement back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(*, alert: str, comment: str, by: str | None, withdraw: bool, as_json: bool) -> None:
    """Take ALERT (its id) on: it notifies no one again, unless another alert of its story is more severe."""
    if withdraw and comment:
        raise UsageError("--withdraw takes no --comment")
    taken = Acknowledgement(by=checked(by, comment), at=datetime.now(UTC), comment=comment)
    with desk() as opened:
        found = opened.alert(alert)
        if withdraw:
            there_was = opened.life.withdraw(alert)
        else:
            opened.life.acknowledge(alert, taken)
    if as_json:
        said = None if withdraw else taken
        click.echo(msgspec.json.encode({"alert": alert, "acknowledged": said}).decode())
    elif withdraw:
        click.echo(f"taken back: {clean(found.alert.title)}" if there_was else "nobody had acknowledged it")
    else:
        click.echo(f"acknowledged by {clean(taken.by)}: {clean(found.alert.title)}")
