"""``wirewatch alerts``: read the alerts, or follow them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from tenacity import Retrying, retry_if_exception_type, wait_random_exponential

from consumers.alert_feed import SEVERITIES, START, FedAlert, Wanted, follow, latest, place_of, read_page
from consumers.keys import Keys
from consumers.moments import parse_since
from wirewatch.cli.render import alerts_table, terminal, update_line
from wirewatch.cli.wiring import open_redis
from wirewatch.errors import StoreUnavailable
from wirewatch.records import Alert
from wirewatch.redis_client import Client
from wirewatch.settings import load

LIMIT_MAX = 10_000
_KNOWN_MAX = 10_000
_EMPTY = """no alerts yet. Try one of:
  wirewatch up --once               feeds the sample articles through everything
  wirewatch publish FILE            publishes an article of yours (`wirewatch up` must be running)
  wirewatch feeds poll URL          publishes what a live feed holds"""


class Since(click.ParamType[datetime]):
    """30m, 2h, 7d, or a time in RFC 3339."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_since(value, datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(
    epilog="Examples: `wirewatch alerts --since 2h`, `wirewatch alerts --follow --severity warning`, "
    "`wirewatch alerts --actor nato --json | jq .title`."
)
@click.option("--follow", "follows", is_flag=True, help="Go on and show alerts as they come, until Ctrl-C.")
@click.option("--actor", metavar="ID", help="Only alerts about this actor.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only alerts at least as severe.")
@click.option("--source", help="Only articles of this source.")
@click.option("--language", metavar="CODE", help="Only articles in this language, e.g. nl.")
@click.option("--rule", metavar="ID", help="Only alerts that this rule raised.")
@click.option("--since", type=Since(), help="Only alerts since then: 30m, 2h, 7d, or a time in RFC 3339.")
@click.option("--limit", type=click.IntRange(1, LIMIT_MAX), default=20, show_default=True, help="How many, the newest.")
@click.option("--updates", is_flag=True, help="With --follow: tell also what more comes of an alert, and edits.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(*, follows: bool, since: datetime | None, limit: int, updates: bool, as_json: bool, **filters: Any) -> None:
    """Read alerts, the newest last, or follow them.

    An alert is a rule and a story: it says how many articles of the story match by now, and from how many sources.
    Times are UTC. A mention stands out in its sentence; without colours it stands between › and ‹.
    """
    settings = load()
    client, keys, wanted = open_redis(settings), Keys(settings.redis_prefix), Wanted(**filters)
    try:
        # Taken first: what comes in between is then shown once by the page, or by following, and never missed.
        after = latest(client, keys)
        page = read_page(client, keys, wanted, limit=limit, since=since)
        shown = page.alerts[::-1]
        console = terminal()
        if shown:
            _show(console, shown, as_json=as_json, header=True)
        elif not as_json:
            console.print("no alert fits" if after != START else _EMPTY, highlight=False)
        if follows:
            behind = max((after, *(each.cursor for each in shown)), key=place_of)
            known = {each.alert.id: each.alert for each in shown}
            _follow(_patiently(client, keys, wanted, behind), behind, known, updates=updates, as_json=as_json)
    finally:
        client.close()


def _follow(coming: Iterator[FedAlert], after: str, known: dict[str, Alert], *, updates: bool, as_json: bool) -> None:
    """Show what comes, through every outage of Redis: each alert once, and its updates where they are asked for."""
    console = terminal()
    for fed in coming:
        if fed.is_new(after):
            _show(console, [fed], as_json=as_json, header=False)
        elif updates and as_json:
            _show(console, [fed], as_json=True, header=False)
        elif updates:
            console.print(update_line(known.get(fed.alert.id), fed.alert))
        after = fed.cursor
        if updates:
            known[fed.alert.id] = fed.alert
            if len(known) > _KNOWN_MAX:
                del known[next(iter(known))]


def _patiently(client: Client, keys: Keys, wanted: Wanted, after: str) -> Iterator[FedAlert]:
    following = follow(client, keys, wanted, after)
    retrying = Retrying(
        retry=retry_if_exception_type(StoreUnavailable),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        before_sleep=lambda state: click.echo(f"waiting: {state.outcome and state.outcome.exception()}", err=True),
    )
    while True:
        try:
            fed = next(following)
        except StoreUnavailable:
            retrying(latest, client, keys)  # answers as soon as Redis does
            following = follow(client, keys, wanted, after)
            continue
        if fed is not None:
            after = fed.cursor
            yield fed


def _show(console: Console, alerts: Sequence[FedAlert], *, as_json: bool, header: bool) -> None:
    if as_json:
        for fed in alerts:
            click.echo(msgspec.json.encode(fed.flat()))
    else:
        console.print(alerts_table([fed.alert for fed in alerts], header=header))
