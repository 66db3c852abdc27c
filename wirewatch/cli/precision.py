"""``wirewatch precision``: how often each rule was right, by the verdicts of people."""

from __future__ import annotations

import click
import msgspec
from rich.table import Table
from rich.text import Text

from wirewatch.cli.render import clean, terminal
from wirewatch.cli.saying import desk


@click.command(epilog="Examples: `wirewatch precision`, `wirewatch precision --json | jq 'select(.precision < 0.5)'`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(*, as_json: bool) -> None:
    """Show how often each rule was right, by the verdicts of people: true / (true + false), the worst first."""
    with desk() as opened:
        found = list(opened.life.precisions().values())
    found.sort(key=lambda each: (each.precision is None, each.precision, each.rule))
    if as_json:
        for each in found:
            click.echo(msgspec.json.encode({**msgspec.structs.asdict(each), "precision": each.precision}).decode())
        return
    console = terminal()
    if not found:
        console.print("no verdicts yet: give one with `wirewatch verdict ALERT true`", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("Rule")
    for title in ("True", "False", "Unsure", "Precision"):
        table.add_column(title, justify="right")
    for each in found:
        shown = "" if each.precision is None else f"{each.precision:.0%}"
        table.add_row(Text(clean(each.rule)), str(each.true), str(each.false), str(each.unsure), shown)
    console.print(table)
