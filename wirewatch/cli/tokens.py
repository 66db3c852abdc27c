"""``wirewatch tokens``: who may publish over HTTP, and who may use the API."""

from __future__ import annotations

import click
import msgspec

from consumers.api import tokens as api_tokens
from producers import ingest_access
from wirewatch.settings import load
from wirewatch.token_entries import new_token

INGEST = "ingest"


@click.group(epilog="Examples: `wirewatch tokens new reuters`, `wirewatch tokens new anna --role admin`.")
def command() -> None:
    """Make tokens for HTTP ingest and for the API, or see for whom there are any. Only hashes are ever kept."""


@command.command(
    epilog="Examples: `wirewatch tokens new reuters`, `wirewatch tokens new '*'` for any source, "
    "`wirewatch tokens new anna --role admin` for the API."
)
@click.argument("name", metavar="NAME")
@click.option(
    "--role",
    type=click.Choice([INGEST, *api_tokens.ROLES]),
    default=INGEST,
    show_default=True,
    help="ingest: publish, NAME is the source. read: read the API. admin: also change things there.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def new(name: str, role: str, as_json: bool) -> None:
    """Make a token, and show it once.

    What is published with an ingest token counts as that of the source NAME, whatever the articles say; with `*` they
    name their source themselves. It may not read. What is done with an API token carries its NAME.
    To replace a token, add the new entry, restart the server, pass the new token on, then remove the old entry: both
    are valid in between.
    """
    token = new_token()
    if role == INGEST:
        made, setting, owner = ingest_access.entry(name, token), "WIREWATCH_INGEST_TOKENS", "source"
    else:
        made = api_tokens.entry(name, "admin" if role == "admin" else "read", token)
        setting, owner = "WIREWATCH_API_TOKENS", "name"
    if as_json:
        click.echo(msgspec.json.encode({owner: name, "role": role, "token": token, "entry": made}).decode())
        return
    click.echo(f"token   {token}")
    click.echo(f"entry   {made}")
    click.echo(
        f"\nPass the token on: it is not kept here. Let it in by adding the entry to {setting} (commas between "
        f"entries),\nor as a line of the file that {setting}_FILE names, and start the server again.",
        err=True,
    )


@command.command("list", epilog="Example: `wirewatch tokens list --json`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per token on standard output.")
def list_(as_json: bool) -> None:
    """List the tokens in the settings: whose they are, their role, and the start of their hash."""
    settings = load()
    found = [
        ("source", token.source or ingest_access.ANY_SOURCE, INGEST, token.digest)
        for token in ingest_access.configured_tokens(settings)
    ]
    found += [("name", token.name, token.role, token.digest) for token in api_tokens.configured(settings)]
    for owner, name, role, digest in found:
        start = digest.hex()[:12]
        if as_json:
            click.echo(msgspec.json.encode({owner: name, "role": role, "hash": start}).decode())
        else:
            click.echo(f"{start}…  {role:<6}  {name}")
