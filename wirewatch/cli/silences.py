"""``wirewatch silences``: mute alerts for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text

from consumers.alert_feed import Wanted, read_page
from consumers.life.model import Matcher, Preview, Silence, new_silence_id, preview
from consumers.moments import parse_span
from wirewatch.cli.alerts import Since
from wirewatch.cli.render import alerts_table, clean, terminal
from wirewatch.cli.saying import Desk, checked, desk, matchers_of
from wirewatch.errors import UsageError, UserError

_LOOKED_AT_MAX = 20_000
_SAMPLES = 5
_MATCHERS = "MATCHER..."


class Span(click.ParamType[timedelta]):
    """30m, 2h, 7d."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_span(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group(
    epilog="Examples: `wirewatch silences preview actor=iran severity=info`, `wirewatch silences add actor=iran "
    '--for 2h --comment "summit day"`, `wirewatch silences list`.'
)
def command() -> None:
    """Mute alerts for a while: they are kept and shown, and notify no one.

    A MATCHER is rule=ID, actor!=ID or "source in A,B"; it asks for rule, severity, actor, source, language, kind,
    story or alert. An alert is muted when all of the matchers fit. A source is muted only where no other source
    reports the story.
    """


@command.command("list", epilog="Example: `wirewatch silences list --expired`.")
@click.option("--expired", is_flag=True, help="Those too that ended in the last five days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(*, expired: bool, as_json: bool) -> None:
    """Show the silences that mute now or will."""
    now = datetime.now(UTC)
    with desk() as opened:
        found = opened.life.silences(now, expired=expired)
    if as_json:
        for silence in found:
            click.echo(msgspec.json.encode({**msgspec.to_builtins(silence), "state": silence.state(now)}).decode())
        return
    console = terminal()
    if not found:
        console.print("no silences: `wirewatch silences add MATCHER --for 2h` makes one", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for title in ("Id", "State", "Matchers", "Until (UTC)", "Author", "Comment"):
        table.add_column(title)
    for silence in found:
        matchers = "\n".join(clean(str(matcher)) for matcher in silence.matchers)
        until = f"{silence.ends.astimezone(UTC):%Y-%m-%d %H:%M}"
        who, why = Text(clean(silence.author)), Text(clean(silence.comment))
        table.add_row(silence.id, silence.state(now), Text(matchers), until, who, why)
    console.print(table)


@command.command(
    epilog='Examples: `wirewatch silences add actor=iran --for 2h`, `wirewatch silences add "source in Bote,Wire" '
    '--until 2026-12-24T18:00:00Z --comment "test pages"`.'
)
@click.argument("matchers", nargs=-1, required=True, metavar=_MATCHERS)
@click.option("--for", "length", type=Span(), help="How long: 30m, 2h, 7d.")
@click.option("--until", type=click.STRING, help="Until when: a time in RFC 3339.")
@click.option("--from", "starts", type=click.STRING, help="From when on: a time in RFC 3339. Default: now.")
@click.option("--comment", default="", help="Why.")
@click.option("--by", metavar="NAME", help="Who says so. Default: your login name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def add(
    *,
    matchers: tuple[str, ...],
    length: timedelta | None,
    until: str | None,
    starts: str | None,
    comment: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Mute the alerts that all of the matchers fit, for a while."""
    now = datetime.now(UTC)
    if (length is None) == (until is None):
        raise UsageError("say either --for 2h or --until TIME")
    begins = _moment("--from", starts) if starts else now
    ends = begins + length if length is not None else _moment("--until", until or "")
    if ends <= max(begins, now):
        raise UsageError("the silence must end in the future, and after it begins")
    silence = Silence(
        id=new_silence_id(),
        matchers=matchers_of(matchers),
        author=checked(by, comment),
        comment=comment,
        starts=begins,
        ends=ends,
        created=now,
    )
    with desk() as opened:
        opened.life.put_silence(silence, now)
        found = _preview(opened, silence.matchers, now - timedelta(days=1))
    if as_json:
        click.echo(msgspec.json.encode(silence).decode())
    else:
        click.echo(f"{silence.id} mutes until {ends.astimezone(UTC):%Y-%m-%d %H:%M} UTC.")
        click.echo(f"In the last day it would have muted {found.muted} of {found.looked_at} alerts.")


@command.command(epilog="Example: `wirewatch silences expire 8c1fa7e0d2b94c55`.")
@click.argument("silence", metavar="ID")
def expire(silence: str) -> None:
    """End a silence now. What it muted in the last hour and is still news is notified."""
    with desk() as opened:
        ended = opened.life.expire_silence(silence, datetime.now(UTC))
    if ended is None:
        raise UserError(f"there is no silence {silence[:64]!r}: `wirewatch silences list` shows their ids")
    click.echo(f"{ended.id} ended {ended.ends.astimezone(UTC):%Y-%m-%d %H:%M} UTC.")


@command.command("preview", epilog="Example: `wirewatch silences preview actor=iran severity!=critical --since 7d`.")
@click.argument("matchers", nargs=-1, required=True, metavar=_MATCHERS)
@click.option("--since", type=Since(), default="7d", show_default=True, help="Of the alerts since then.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def preview_(*, matchers: tuple[str, ...], since: datetime, as_json: bool) -> None:
    """Show what a silence would have muted, and change nothing."""
    with desk() as opened:
        found = _preview(opened, matchers_of(matchers), since)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    console = terminal()
    console.print(f"{found.muted} of {found.looked_at} alerts, {found.stories} stories", highlight=False)
    for rule, count in found.rules.items():
        console.print(Text(f"  {count:>6}  {clean(rule)}"))
    if found.samples:
        console.print(alerts_table(found.samples[:_SAMPLES]))


def _preview(opened: Desk, matchers: Sequence[Matcher], since: datetime) -> Preview:
    page = read_page(opened.client, opened.keys, Wanted(), limit=_LOOKED_AT_MAX, since=since)
    return preview(matchers, (fed.alert for fed in page.alerts))


def _moment(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is no time: write 2026-01-31T06:00:00Z") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
