"""``wirewatch doctor``: check settings and servers, and say what to do."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from wirewatch.cli.findings import Finding
from wirewatch.errors import UserError
from wirewatch.settings import Settings, declared, load

_SIGNS = {"ok": ("✓", "green"), "note": ("!", "yellow"), "wrong": ("✗", "red")}


@click.command(
    epilog="Examples: `wirewatch doctor`, `wirewatch doctor --settings`, `REDIS_URL=redis://host wirewatch doctor`."
)
@click.option("--settings", "only_settings", is_flag=True, help="Print the settings in force instead, secrets masked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def command(only_settings: bool, as_json: bool) -> None:
    """Check settings and servers, and say what to do.

    ✓ is fine, ! works but you should know, ✗ must be mended: then the exit code is 1. Nothing is changed.
    """
    settings = load()
    if only_settings:
        _print_settings(settings, as_json)
        return
    # Loading spaCy and all clients takes a moment; --help and --settings need none of it.
    from wirewatch.cli import probes

    found = []
    for finding in probes.run(settings):
        found.append(finding)
        if not as_json:
            _print(finding)
    wrong = [finding.name for finding in found if finding.verdict == "wrong"]
    if as_json:
        click.echo(json.dumps({"ok": not wrong, "checks": [asdict(finding) for finding in found]}, ensure_ascii=False))
    if wrong:
        raise UserError(f"to mend: {', '.join(wrong)}")


def _print(finding: Finding) -> None:
    sign, colour = _SIGNS[finding.verdict]
    click.echo(f"{click.style(sign, fg=colour)} {finding.name}: {finding.says}")
    if finding.mend:
        click.echo(f"  → {finding.mend}")


def _print_settings(settings: Settings, as_json: bool) -> None:
    rows = declared(settings)
    if as_json:
        click.echo(json.dumps({row.variable: row.shown for row in rows}, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row.variable}={row.shown}")
