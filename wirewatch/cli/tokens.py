"""``wirewatch tokens``: who may publish over HTTP."""

from __future__ import annotations

import click
import msgspec

from producers.ingest_access import ANY_SOURCE, configured_tokens, entry, new_token
from wirewatch.settings import load


@click.group(epilog="Examples: `wirewatch tokens new reuters`, `wirewatch tokens list`.")
def command() -> None:
    """Make tokens for HTTP ingest, or see for whom there are any. Only hashes of tokens are ever kept."""


@command.command(epilog="Examples: `wirewatch tokens new reuters`, `wirewatch tokens new '*'` for any source.")
@click.argument("source", metavar="SOURCE")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def new(source: str, as_json: bool) -> None:
    """Make a token, and show it once.

    What is published with it counts as SOURCE's, whatever the articles say; with `*` they name their source themselves.
    To replace a token, add the new entry, restart the server, give the sender the new token, then remove the old entry:
    both are valid in between.
    """
    token = new_token()
    made = entry(source, token)
    if as_json:
        click.echo(msgspec.json.encode({"source": source, "token": token, "entry": made}).decode())
        return
    click.echo(f"token   {token}")
    click.echo(f"entry   {made}")
    click.echo(
        "\nGive the token to the sender: it is not kept here. Let it in by adding the entry to WIREWATCH_INGEST_TOKENS "
        "(commas between entries),\nor as a line of the file that WIREWATCH_INGEST_TOKENS_FILE names, "
        "and start the server again.",
        err=True,
    )


@command.command("list", epilog="Example: `wirewatch tokens list --json`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per token on standard output.")
def list_(as_json: bool) -> None:
    """List the tokens in the settings: their source and the start of their hash."""
    for token in configured_tokens(load()):
        source, start = token.source or ANY_SOURCE, token.digest.hex()[:12]
        if as_json:
            click.echo(msgspec.json.encode({"source": source, "hash": start}).decode())
        else:
            click.echo(f"{start}…  {source}")
