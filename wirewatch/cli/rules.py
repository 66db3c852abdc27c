"""``wirewatch rules``: check rules, put them into use, see why they match, and try them on the retained log."""

from __future__ import annotations

import getpass
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.table import Table
from rich.text import Text

from consumers.rule_file import load_rules, read_text, rules_schema
from consumers.rules import Rule, RuleSet, version
from consumers.rules_in_use import InUse, SavedRules, check_rules, rules_file, rules_now
from consumers.watchlist_file import of_settings
from wirewatch.cli.render import clean, terminal
from wirewatch.cli.rules_tried import backtest, explain
from wirewatch.cli.wiring import open_redis
from wirewatch.errors import StoreUnavailable, UserError
from wirewatch.settings import Settings, load

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def command() -> None:
    """Check the alert rules, put them into use, and see what they do."""


@command.command(epilog="Examples: `wirewatch rules check`, `wirewatch rules check my-rules.yaml`.")
@click.argument("file", required=False, type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def check(file: Path | None, as_json: bool) -> None:
    """Check FILE (default: the configured rules file) and show what its rules ask for.

    Says file and line of whatever is wrong, also of an actor that the watchlist in use does not have.
    """
    settings = load()
    rules = load_rules(file or settings.rules, _actors(settings))
    if as_json:
        click.echo(msgspec.json.encode({"version": rules.version, "rules": rules.rules, "volume": rules.volume}))
        return
    _table(rules)
    click.echo(f"{_counted(rules)}, no mistakes, version {rules.version}")


@command.command(epilog="Examples: `wirewatch rules show`, `wirewatch rules show --text > my-rules.yaml`.")
@click.option("--text", "as_text", is_flag=True, help="The text of the rules file, as it was saved.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def show(as_text: bool, as_json: bool) -> None:
    """Show the rules in use, and where they come from: saved ones, the rules file, or the shipped one."""
    found = _in_use(load())
    if as_text:
        click.echo(found.text, nl=False)
        return
    if as_json:
        facts = {"origin": found.origin, "name": found.name, "at": found.at, "by": found.by}
        click.echo(
            msgspec.json.encode(
                {**facts, "version": found.rules.version, "rules": found.rules.rules, "text": found.text}
            )
        )
        return
    _table(found.rules)
    saved = f", saved {found.at:%Y-%m-%d %H:%M} UTC by {clean(found.by or '?')}" if found.at else ""
    click.echo(f"{_counted(found.rules)}, version {found.rules.version}, from {found.name}{saved}")


@command.command(epilog="Examples: `wirewatch rules push my-rules.yaml`, `wirewatch rules show` before and after it.")
@click.argument("file", type=_FILE)
def push(file: Path) -> None:
    """Put FILE into use everywhere, within seconds and without a restart. It is saved in Redis, and goes before the
    rules file until `wirewatch rules reset`.

    A file with a mistake is refused, with the line, and changes nothing.
    """
    settings = load()
    text = read_text(file)
    rules = check_rules(text, str(file), _actors(settings))
    with closing(open_redis(settings)) as client:
        SavedRules(client, settings.redis_prefix).save(text, by=_who(), now=datetime.now(UTC))
    click.echo(f"{_counted(rules)}, version {rules.version}, in use")


@command.command(epilog="Example: `wirewatch rules reset`.")
def reset() -> None:
    """Forget the saved rules: the rules file is in use again."""
    settings = load()
    with closing(open_redis(settings)) as client:
        was_saved = SavedRules(client, settings.redis_prefix).reset()
    found = rules_file(settings)
    told = "the saved rules are gone" if was_saved else "no rules were saved"
    click.echo(f"{told}; in use: {found.name}, version {found.rules.version}")


@command.command(epilog="Example: `wirewatch rules schema > rules.schema.json`, which editors then check a file by.")
def schema() -> None:
    """Print the JSON Schema of a rules file, for editors. `check` knows more: actors, order, time zones."""
    click.echo(msgspec.json.format(msgspec.json.encode(rules_schema())))


command.add_command(explain)
command.add_command(backtest)


def _in_use(settings: Settings) -> InUse:
    """Those in use; those of the file where no Redis runs or answers, which is told."""
    try:
        with closing(open_redis(settings)) as client:
            return rules_now(settings, client)
    except (StoreUnavailable, UserError) as why:
        found = rules_file(settings)
        click.echo(f"{why}: saved rules are unknown, these are of {found.name}", err=True)
        return found


def _actors(settings: Settings) -> list[str]:
    return [actor.id for actor in of_settings(settings).actors]


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # nobody, as in some containers
        return "unknown"


def _counted(rules: RuleSet) -> str:
    volume = f" and {len(rules.volume)} volume rules" if rules.volume else ""
    return f"{len(rules.rules)} rules{volume}"


def _table(rules: RuleSet) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("Rule", "Version", "Severity", "Actors", "Asks for"):
        table.add_column(title)
    for rule in rules.rules:
        table.add_row(rule.id, version(rule), rule.severity, Text(clean(_actors_of(rule))), Text(clean(_asks(rule))))
    terminal().print(table)


def _actors_of(rule: Rule) -> str:
    parts = [f"{word} of {', '.join(ids)}" for word in ("any", "all", "none") if (ids := getattr(rule.actors, word))]
    within = f" in one {rule.actors.within}" if rule.actors.within != "article" else ""
    return ("; ".join(parts) or "any watched actor") + within


def _asks(rule: Rule) -> str:
    """Everything else, shortly; what is left at its default is left out."""
    parts = [] if rule.enabled else ["switched off"]
    parts.append(f"score {rule.score_min:g}")
    for name, values, all_ in (("in", rule.fields, 3), ("as", rule.kinds, 3)):
        if len(set(values)) < all_:
            parts.append(f"{name} {', '.join(values)}")
    for name in ("words", "sources", "countries", "languages"):
        condition = getattr(rule, name)
        for word in ("any", "all", "none"):
            if values := getattr(condition, word, ()):
                parts.append(f"{name} {word} of {', '.join(values)}")
    if rule.unless:
        parts.append(f"unless {', '.join(rule.unless)}")
    if rule.quiet:
        parts.append("quiet hours")
    return "; ".join(parts)
