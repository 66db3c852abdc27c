"""``wirewatch verdict``: say whether an alert was right."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from consumers.life.model import VERDICTS, Precision, Verdict
from wirewatch.cli.render import clean
from wirewatch.cli.saying import checked, desk
from wirewatch.errors import UsageError


@click.command(
    epilog='Examples: `wirewatch verdict 3f9a… true`, `wirewatch verdict 3f9a… false --comment "a football club"`; '
    "`wirewatch precision` shows what they come to."
)
@click.argument("alert", metavar="ALERT")
@click.argument("value", required=False, type=click.Choice(VERDICTS))
@click.option("--withdraw", is_flag=True, help="Take the verdict back.")
@click.option("--comment", default="", help="Why.")
@click.option("--by", metavar="NAME", help="Who says so. Default: your login name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(*, alert: str, value: Any, withdraw: bool, comment: str, by: str | None, as_json: bool) -> None:
    """Say whether ALERT (its id) was right: true, false or unsure. It counts for the precision of its rule.

    A verdict takes the place of an earlier one. An alert that was judged false notifies no one again.
    """
    if withdraw == (value is not None):
        raise UsageError("say true, false or unsure; or --withdraw to take the verdict back")
    name = checked(by, comment)
    with desk() as opened:
        if withdraw:
            _withdrawn(alert, opened.life.withdraw_verdict(opened.alert(alert).alert.id), as_json=as_json)
            return
        rule = opened.alert(alert).alert.rule
        verdict = Verdict(value=value, by=name, at=datetime.now(UTC), comment=comment, rule=rule)
        opened.life.set_verdict(alert, verdict)
        known = opened.life.precisions()[rule]
    if as_json:
        click.echo(msgspec.json.encode({"alert": alert, "verdict": verdict}).decode())
    else:
        click.echo(f"{value}. The rule {clean(rule)} {spoken(known)}")


def _withdrawn(alert: str, had: bool, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"alert": alert, "verdict": None}).decode())
    else:
        click.echo("The verdict is taken back." if had else "There was no verdict.")


def spoken(known: Precision) -> str:
    """One phrase for people."""
    judged = known.true + known.false
    if known.precision is None:
        return "has no alert that was judged true or false"
    return f"was right in {known.true} of {judged} ({known.precision:.0%})"
