"""``wirewatch feeds import | export | list | remove``: the list of feeds in Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from producers.feeds.opml import read_opml, write_opml
from producers.identity import web_address
from wirewatch.cli.wiring import open_redis
from wirewatch.errors import Rejected, UserError
from wirewatch.feed_state import (
    FeedKeys,
    FeedState,
    Listing,
    health,
    list_feeds,
    read_listings,
    read_states,
    spoken,
    unlist_feeds,
)
from wirewatch.redis_client import Client
from wirewatch.seeds import shipped
from wirewatch.settings import load

OPML_BYTES_MAX = 20_000_000


@contextmanager
def _open() -> Iterator[tuple[Client, FeedKeys]]:
    settings = load()
    client = open_redis(settings)
    try:
        yield client, FeedKeys(settings.redis_prefix)
    finally:
        client.close()


@click.command(
    "import",
    epilog="Examples: `wirewatch feeds import subscriptions.opml`, `wirewatch feeds import --default`, "
    "`wirewatch feeds import https://example.org/feed`.",
)
@click.argument("what", nargs=-1, metavar="[FILE.opml | URL]...")
@click.option("--default", "with_default", is_flag=True, help="Also the shipped list of public broadcasters.")
@click.option("--full-text", is_flag=True, help="Read the article's page where these feeds have only a summary.")
def import_(what: Sequence[str], with_default: bool, full_text: bool) -> int:
    """Put the feeds of OPML files, and single addresses, on the list. What is on it already stays due as it was.

    Exit code 1 when a feed of a file was left out.
    """
    files = [*what, *([str(shipped("feeds.opml"))] if with_default else [])]
    if not files:
        raise UserError("nothing to import: give an OPML file, the address of a feed, or --default")
    listings: list[Listing] = []
    problems: list[str] = []
    for name in files:
        found, wrong = _found(name)
        listings += found
        problems += wrong
    if full_text:
        listings = [msgspec.structs.replace(listing, full_text=True) for listing in listings]
    with _open() as (client, keys):
        new = list_feeds(client, keys, listings, datetime.now(UTC))
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{len(listings)} feeds read, {new} new on the list, {len(problems)} left out")
    return 1 if problems else 0


def _found(name: str) -> tuple[list[Listing], list[str]]:
    if name.startswith(("http://", "https://")):
        try:
            return [Listing(url=web_address(name))], []
        except Rejected as rejected:
            raise UserError(f"{name}: {rejected.detail}") from rejected
    try:
        with Path(name).open("rb") as stream:
            data = stream.read(OPML_BYTES_MAX + 1)
    except OSError as error:
        raise UserError(f"{name}: cannot be read: {error.strerror or error}") from error
    if len(data) > OPML_BYTES_MAX:
        raise UserError(f"{name}: more than {OPML_BYTES_MAX:,} bytes: split the list")
    try:
        listings, problems = read_opml(data)
    except Rejected as rejected:
        raise UserError(f"{name}: {rejected.detail}") from rejected
    return listings, [f"{name}: {problem}" for problem in problems]


@click.command(epilog="Example: `wirewatch feeds export > feeds.opml`.")
def export() -> None:
    """Write the list as OPML to standard output."""
    with _open() as (client, keys):
        listings = read_listings(client, keys)
    data = write_opml(listings, title="Feeds of Wirewatch", now=datetime.now(UTC))
    click.echo(data, nl=False)


@click.command(epilog="Example: `wirewatch feeds remove https://example.org/feed`.")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
def remove(urls: Sequence[str]) -> int:
    """Take feeds off the list and forget what is known of them. Exit code 1 when one was not on it."""
    with _open() as (client, keys):
        gone = unlist_feeds(client, keys, urls)
    click.echo(f"{gone} feeds removed")
    return 0 if gone == len(urls) else 1


@click.command("list", epilog="Examples: `wirewatch feeds list`, `wirewatch feeds list --health silent --json`.")
@click.option(
    "--health", "word", type=click.Choice(["ok", "new", "silent", "failing", "ended"]), help="Only feeds like this."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line per feed on standard output.")
def list_(word: str | None, as_json: bool) -> None:
    """Show the list, and how each feed is."""
    now = datetime.now(UTC)
    with _open() as (client, keys):
        listings = read_listings(client, keys)
        states = read_states(client, keys, [listing.url for listing in listings])
    pairs = [(a, b) for a, b in zip(listings, states, strict=True) if word in (None, health(b, now).word)]
    if as_json:
        for listing, state in pairs:
            click.echo(msgspec.json.encode(_facts(listing, state, now)).decode())
        return
    table = Table("feed", "categories", "health", "next poll", box=None)
    for listing, state in pairs:
        how = health(state, now)
        due = f"in {spoken(state.next_poll - now)}" if state.next_poll else ("never" if state.ended else "now")
        table.add_row(listing.url, ", ".join(listing.categories), f"{how.word}: {how.detail}", due)
    Console(soft_wrap=True).print(table, markup=False)
    if not pairs:
        click.echo("no feeds: `wirewatch feeds import --default` puts the shipped ones on the list", err=True)


def _facts(listing: Listing, state: FeedState, now: datetime) -> dict[str, object]:
    how = health(state, now)
    known = {"health": how.word, "detail": how.detail, "next_poll": state.next_poll, "articles": state.articles}
    return {**msgspec.structs.asdict(listing), **known}


COMMANDS = (import_, export, list_, remove)
