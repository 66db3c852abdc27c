"""``wirewatch watchlist``: check a watchlist, or see why a text does or does not name an actor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from wirewatch.errors import UserError
from wirewatch.records import Article
from wirewatch.seeds import shipped
from wirewatch.settings import load

if TYPE_CHECKING:
    from consumers.language import Detected
    from consumers.recognise import Verdict


@click.group(
    epilog="Examples: `wirewatch watchlist check my-watchlist.yaml`, "
    '`wirewatch watchlist explain "HET IS VOORBIJ voor IS in Irak"`.'
)
def command() -> None:
    """Check the watchlist, or explain a text."""


@command.command(
    epilog="Examples: `wirewatch watchlist check`, `wirewatch watchlist check my-watchlist.yaml`,"
    " `wirewatch watchlist check --json my-watchlist.yaml`."
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def check(file: Path | None, as_json: bool) -> None:
    """Say of every mistake in a watchlist where it is and how to mend it.

    Without FILE the configured watchlist is checked, or the shipped one. Exit code 1 where there is a mistake.
    """
    from consumers import watchlist_file

    path = file or load().watchlist or shipped("watchlist.yaml")
    watchlist, problems = watchlist_file.check(path)
    aliases = sum(len(actor.aliases) for actor in watchlist.actors) if watchlist else 0
    if as_json:
        actors = [actor.id for actor in watchlist.actors] if watchlist else []
        version = watchlist.version if watchlist else None
        _print_json(
            {"ok": not problems, "version": version, "actors": actors, "aliases": aliases, "problems": problems}
        )
    elif watchlist:
        click.echo(f"{path}: fine: {len(watchlist.actors)} actors, {aliases} aliases, version {watchlist.version}")
    else:
        click.echo("\n".join(problems))
    if problems:
        raise UserError(f"{len(problems)} to mend in {path}")


@command.command(
    epilog='Examples: `wirewatch watchlist explain "THE WAR IS OVER"`,'
    ' `wirewatch watchlist explain --language it "Nato a Roma nel 1970"`.'
)
@click.argument("text")
@click.option("--language", help="Language that the source would declare, such as nl.")
@click.option("--watchlist", type=click.Path(path_type=Path), help="Watchlist file; otherwise the configured one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for machines.")
def explain(text: str, language: str | None, watchlist: Path | None, as_json: bool) -> None:
    """Show for every place in TEXT that could name an actor whether it was matched, and why or why not."""
    from consumers import watchlist_file
    from consumers.recognise import compile_watchlist
    from consumers.recognise import explain as explain_article

    settings = load(**({"watchlist": watchlist} if watchlist else {}))
    recogniser = compile_watchlist(watchlist_file.of_settings(settings))
    detected, verdicts = explain_article(_article(text, language), recogniser)
    if as_json:
        _print_json({"lang": detected.language, "confidence": detected.confidence, "candidates": verdicts})
    else:
        _print(text, detected, verdicts)


def _article(text: str, language: str | None) -> Article:
    never = datetime(1970, 1, 1, tzinfo=UTC)
    return Article(id="", source="", title="", text=text, language=language, first_seen=never, content_hash="")


def _print(text: str, detected: Detected, verdicts: Sequence[Verdict]) -> None:
    click.echo(_highlighted(text, verdicts))
    click.echo(f"language: {detected.language or 'undetermined'} ({detected.confidence:.2f})")
    for one in verdicts:
        sign, colour = ("✓", "green") if one.matched else ("✗", "red")
        score = f" {one.score:.2f}" if one.matched else ""
        place = f"at {one.start}: {one.actor}, {one.kind}{score}"
        click.echo(f"{click.style(sign, fg=colour)} {click.style(one.text, bold=True)} {place}: {one.why}")
    if not verdicts:
        click.echo("nothing in this text has the letters of a name on the watchlist")


def _highlighted(text: str, verdicts: Sequence[Verdict]) -> str:
    shown, position = "", 0
    for one in verdicts:
        if one.matched:
            shown += text[position : one.start] + click.style(one.text, fg="green", bold=True)
            position = one.end
    return shown + text[position:]


def _print_json(value: object) -> None:
    click.echo(msgspec.json.encode(value).decode("utf-8"))
