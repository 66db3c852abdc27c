"""``wirewatch rules``: check the alert rules."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from consumers.rule_file import load_rules
from consumers.rules import Rule, version
from consumers.watchlist_file import of_settings
from wirewatch.cli.render import terminal
from wirewatch.settings import load


@click.group()
def command() -> None:
    """Check the alert rules."""


@command.command(epilog="Examples: `wirewatch rules check`, `wirewatch rules check my-rules.yaml`.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def check(file: Path | None) -> None:
    """Check FILE (default: the rules in use) and show what its rules ask for.

    Says file and line of whatever is wrong, also of an actor that the watchlist in use does not have.
    """
    settings = load()
    watchlist = of_settings(settings)
    rules = load_rules(file or settings.rules, [actor.id for actor in watchlist.actors])
    table = Table(box=None, pad_edge=False)
    for title in ("Rule", "Version", "Severity", "Actors", "Named in", "Score"):
        table.add_column(title)
    for rule in rules.rules:
        fields = ", ".join(rule.fields)
        table.add_row(rule.id, version(rule), rule.severity, _actors(rule), fields, f"{rule.score_min:g}")
    console = terminal()
    console.print(table)
    console.print(f"{len(rules.rules)} rules, no mistakes.", highlight=False)


def _actors(rule: Rule) -> str:
    parts = [f"{word} of {', '.join(ids)}" for word in ("any", "all", "none") if (ids := getattr(rule.actors, word))]
    return "; ".join(parts) or "any watched actor"
