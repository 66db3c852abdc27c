"""``wirewatch verify``: recount from the log, and compare with the counters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

import click
import msgspec
from rich.table import Table
from rich.text import Text

from consumers.counters import COUNTERS
from consumers.keys import PAIR_SEPARATOR, Family, Keys
from consumers.recount import Difference, Recount, Stored, compare, read_stored, verifiable_since
from consumers.rules_in_use import rules_now
from wirewatch.broker import Admin, Message, TopicPartition
from wirewatch.cli.render import clean, terminal
from wirewatch.cli.wiring import open_broker, open_redis
from wirewatch.errors import UserError
from wirewatch.redis_client import Client, answers
from wirewatch.settings import Settings, load

_READ_MAX = 1_000
_TRIES_MAX = 50
_ROWS_SHOWN_MAX = 50
# Rules are taken up within a second or so; the rest is for clocks that differ.
_TAKEN_UP = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Partial:
    """A partition of which the log no longer holds all that was counted."""

    topic: str
    partition: int
    first: int
    since: date


@dataclass(frozen=True, slots=True)
class Verdict:
    """``alerts_unknown``: why missing alerts could not be looked for; None where they were."""

    records: int
    partitions: int
    counts: int
    alerts: int
    differences: list[Difference]
    alerts_missing: list[str]
    partial: list[Partial]
    alerts_unknown: str | None


@click.command(epilog="Examples: `wirewatch verify`, `wirewatch verify --json`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(as_json: bool) -> None:
    """Recount the retained log with independent code, and compare: per actor and hour, per entity, and every alert.

    Each partition is compared up to where its counters stand, so members may keep running. Exits with 1 when anything
    differs. Where records that were counted have expired, it says from which day on the counts can be told.
    """
    settings = load()
    broker = open_broker(settings)
    with closing(broker.admin()) as admin, closing(open_redis(settings)) as client:
        verdict = _verify(admin, client, settings)
    if as_json:
        click.echo(msgspec.json.encode(asdict(verdict)))
    else:
        _show(verdict)
    if verdict.differences or verdict.alerts_missing:
        raise click.exceptions.Exit(1)


def _verify(admin: Admin, client: Client, settings: Settings) -> Verdict:
    keys, rules, now = Keys(settings.redis_prefix), rules_now(settings, client), datetime.now(UTC)
    differences: list[Difference] = []
    partial: list[Partial] = []
    alerts: set[str] = set()
    records = counts = partitions = 0
    for topic in COUNTERS.reads:
        for partition, (first, _) in sorted(admin.offsets(topic.name).items()):
            where = TopicPartition(topic.name, partition)
            recount = Recount(topic, rules.rules, settings.seen_days, matches_since=rules.since + _TAKEN_UP)
            stored = _caught_up(admin, client, keys, where, recount, first)
            since = verifiable_since(first, stored.start, recount.first_ms, settings.seen_days) if stored.next else None
            differences += compare(where, recount, stored, since=since, counters_days=settings.counters_days, now=now)
            if since is not None:
                partial.append(Partial(topic.name, partition, first, since))
            else:
                alerts |= recount.alerts.keys()
            records += recount.records
            counts += len(recount.counts)
            partitions += 1
    if not partitions:
        raise UserError("there are no topics: run `wirewatch topics create`")
    missing, unknown = _missing_alerts(client, keys, settings, alerts)
    return Verdict(records, partitions, counts, len(alerts), differences, missing, partial, unknown)


def _caught_up(admin: Admin, client: Client, keys: Keys, where: TopicPartition, recount: Recount, first: int) -> Stored:
    """Recounts up to the stored position; what moved on meanwhile is counted too, until nothing has."""
    at = first
    for _ in range(_TRIES_MAX):
        stored = read_stored(client, keys, where, recount.counts)
        if stored.next <= at:
            return stored
        for messages in _between(admin, where, at, stored.next):
            recount.add(messages)
        at = stored.next
    raise UserError(f"{where.topic}/{where.partition} is counted faster than it can be checked: try again later")


def _between(admin: Admin, where: TopicPartition, start: int, end: int) -> Iterator[list[Message]]:
    while start < end:
        messages = list(admin.read(*where, start, min(_READ_MAX, end - start)))
        if not messages or messages[-1].offset >= end:
            messages = [message for message in messages if message.offset < end]
        if not messages:
            return
        yield messages
        start = messages[-1].offset + 1


def _missing_alerts(client: Client, keys: Keys, settings: Settings, alerts: set[str]) -> tuple[list[str], str | None]:
    """Ids of matches that are neither in the feed nor on their way to it. A match goes from an outbox through the inbox
    into the feed and is always in one of them, so they are looked at in this order."""
    with answers():
        if client.exists(keys.feed_trimmed):
            return [], f"the feed has dropped its oldest alerts (WIREWATCH_ALERTS_KEPT={settings.alerts_kept})"
        waiting = {
            fields["id"]
            for stream in (*(keys.outbox(partition) for partition in range(settings.partitions)), keys.feed_inbox)
            for _, fields in client.xrange(stream)
        }
        known = waiting | {id_ for id_, _ in client.hscan_iter(keys.feed_matches, count=1_000)}
    return sorted(alerts - known), None


def _show(verdict: Verdict) -> None:
    for entry in verdict.partial:
        told = "nothing of it can be told" if entry.since == date.max else f"checked from {entry.since} on"
        click.echo(f"{entry.topic}/{entry.partition}: the log begins at {entry.first}, after what was counted: {told}")
    if verdict.alerts_unknown:
        click.echo(f"missing alerts were not looked for: {verdict.alerts_unknown}")
    if verdict.differences:
        table = Table("Topic", "Day", "Hour", "Whose", "What", "By the log", "In Redis", box=None, pad_edge=False)
        for d in verdict.differences[:_ROWS_SHOWN_MAX]:
            hour = "" if d.hour is None else f"{d.hour:02}:00"
            # Names of entities come from texts of others.
            whose, what = (Text(clean(text)) for text in _whose(d))
            table.add_row(f"{d.topic}/{d.partition}", str(d.day), hour, whose, what, f"{d.log:,}", f"{d.redis:,}")
        terminal().print(table)
        if (more := len(verdict.differences) - _ROWS_SHOWN_MAX) > 0:
            click.echo(f"and {more:,} more; --json shows all")
    for id_ in verdict.alerts_missing[:_ROWS_SHOWN_MAX]:
        click.echo(f"match {id_}: raised by the rules in use, but neither in the feed nor on its way to it")
    wrong = len(verdict.differences) + len(verdict.alerts_missing)
    checked = f"{verdict.records:,} records of {verdict.partitions} partitions, {verdict.counts:,} counts, "
    checked += f"{verdict.alerts:,} alerts"
    if wrong:
        click.echo(f"{wrong:,} differences in {checked}; `wirewatch rebuild counters` counts again")
    else:
        click.echo(f"no difference: {checked}")


def _whose(difference: Difference) -> tuple[str, str]:
    """Whose count it is, and what it counts, for people."""
    of, name = difference.of, difference.name
    told: dict[Family, tuple[str, str]] = {
        "hour": (of, name),
        "source": (of, f"articles of {name or 'no source'}"),
        "language": (of, f"articles in {name}"),
        "actors": (name, "articles of the day"),
        "pairs": (name.replace(PAIR_SEPARATOR, " + "), "articles that name both"),
        "heard": ("", f"articles of {name}"),
        "totals": ("", f"records: {name}"),
        "labels": (name, "names of this kind"),
        "names": (f"{name} ({of})", "articles"),
    }
    return told[difference.family]
