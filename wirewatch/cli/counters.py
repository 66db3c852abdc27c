"""``wirewatch counters``: read the counters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import msgspec

from consumers.keys import Keys
from consumers.reading import BY, By, Query, read_counters
from wirewatch.cli.alerts import Since
from wirewatch.cli.render import counters_table, terminal
from wirewatch.cli.wiring import open_redis
from wirewatch.settings import load

DAYS_DEFAULT = 7


@click.command(
    epilog="Examples: `wirewatch counters`, `wirewatch counters --by hour --actor nato --since 24h`, "
    "`wirewatch counters --by pair`, `wirewatch counters --by total`."
)
@click.option("--actor", metavar="ID", help="Only this actor.")
@click.option("--by", type=click.Choice(BY), default="actor", show_default=True, help="What to count by.")
@click.option("--since", type=Since(), help=f"Since then: 24h, 30d, or a time in RFC 3339. Default: {DAYS_DEFAULT}d.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many rows.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(actor: str | None, by: By, since: datetime | None, limit: int, as_json: bool) -> None:
    """Read counters: articles and mentions per actor, by hour, day, source, language, pair of actors, and more.

    An article counts once, in the hour (UTC) in which it was first seen. `--by total` shows every outcome;
    `--by entity` shows persons, organisations and places. Counts by source, language and pair are kept per day.
    """
    settings = load()
    now = datetime.now(UTC)
    query = Query(by=by, actor=actor, since=since or now - timedelta(days=DAYS_DEFAULT), until=now, limit=limit)
    client = open_redis(settings)
    try:
        rows = read_counters(client, Keys(settings.redis_prefix), settings.partitions, query)
    finally:
        client.close()
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row))
    elif rows:
        terminal().print(counters_table(rows, by=by))
    else:
        click.echo(f"nothing was counted since {query.since:%Y-%m-%d %H:%M} UTC; `wirewatch publish FILE` adds to it")
