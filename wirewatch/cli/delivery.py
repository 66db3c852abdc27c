"""``wirewatch delivery``: what was sent to whom and what came back; send again, try, enable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from consumers.delivery import deliveries, signing
from consumers.delivery.attempts import Delivery
from consumers.delivery.deliveries import UnknownDelivery
from consumers.delivery.receivers import Receiver, load_receivers
from consumers.delivery.trial import send_test
from wirewatch.cli.render import terminal
from wirewatch.cli.wiring import open_redis
from wirewatch.errors import UserError
from wirewatch.harmless import clean
from wirewatch.settings import Settings, load

_LIMIT_MAX = 10_000


@click.group()
def command() -> None:
    """List what was sent to receivers, send it again, try a receiver, enable one that said it was gone."""


@command.command(
    "list", epilog="Examples: `wirewatch delivery list --receiver desk`, `wirewatch delivery list --failed --json`."
)
@click.option("--receiver", metavar="ID", help="Only this receiver.")
@click.option("--failed", is_flag=True, help="Only what was tried in vain: failing still, or given up.")
@click.option("--limit", type=click.IntRange(1, _LIMIT_MAX), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(receiver: str | None, failed: bool, limit: int, as_json: bool) -> None:
    """List notifications, the newest first: where they stand, how often they were tried, and what came back last."""
    settings = load()
    names = [each.id for each in _chosen(settings, receiver)]
    client = open_redis(settings)
    found = deliveries.list_deliveries(client, settings.redis_prefix, names, failed=failed, limit=limit)
    if as_json:
        for delivery in found:
            click.echo(msgspec.json.encode(delivery))
        return
    if found:
        terminal().print(_table(found))
    else:
        click.echo("nothing was tried in vain" if failed else "nothing was sent yet, and nothing is to be sent")
    for name in names:
        standing = deliveries.standing_of(client, settings.redis_prefix, name)
        if standing.disabled is not None:
            click.echo(f"{name} said that it is gone: `wirewatch delivery enable {name}` sends to it again", err=True)
        elif standing.breaker.state(datetime.now(UTC)) == "open":
            click.echo(
                f"{name} failed {standing.breaker.failures} times in a row: it is left alone for a while", err=True
            )


@command.command(epilog="Example: `wirewatch delivery resend 5f1c…`, with an ID of `wirewatch delivery list`.")
@click.argument("notification_id", metavar="ID")
def resend(notification_id: str) -> None:
    """Send a notification again, at once and under the same id, so that the receiver knows it.

    One that has left the queue is sent with its alerts as they are now.
    """
    settings = load()
    names = [each.id for each in load_receivers(settings.receivers).receivers]
    client = open_redis(settings)
    try:
        delivery = deliveries.resend(client, settings.redis_prefix, names, notification_id, datetime.now(UTC))
    except UnknownDelivery as error:
        raise UserError(str(error)) from error
    click.echo(f"{delivery.id} to {delivery.receiver}: due now; `wirewatch delivery list` shows what comes of it")


@command.command(epilog="Example: `wirewatch delivery test desk`.")
@click.argument("receiver", metavar="RECEIVER")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def test(receiver: str, as_json: bool) -> int:
    """Send a test notification to a receiver now, and say what came back. Needs no Redis; exit code 1: it failed."""
    settings = load()
    (chosen,) = _chosen(settings, receiver)
    trial = send_test(chosen, settings, datetime.now(UTC))
    delivered = trial.outcome == "delivered"
    if as_json:
        click.echo(msgspec.json.encode(trial))
    else:
        status = f" {trial.status}" if trial.status else ""
        reply = f": {trial.reply}" if trial.reply else ""
        click.secho(
            f"{receiver}: {trial.outcome}{status} after {trial.seconds:.2f} s{reply}",
            fg="green" if delivered else "red",
        )
    return 0 if delivered else 1


@command.command(epilog="Example: `wirewatch delivery enable desk`.")
@click.argument("receiver", metavar="RECEIVER")
def enable(receiver: str) -> None:
    """Send to a receiver again that said it was gone (410), and forget its failures and what it asked to wait."""
    settings = load()
    _chosen(settings, receiver)
    if deliveries.enable(open_redis(settings), settings.redis_prefix, receiver):
        click.echo(f"{receiver}: what waits for it is sent now")
    else:
        click.echo(f"{receiver}: nothing stopped it")


@command.command(epilog="Example: `wirewatch delivery secret > secrets/receivers/desk_webhook`.")
def secret() -> None:
    """Make a key for the signatures of a webhook; its receiver gets the same one."""
    click.echo(signing.new_key())


def _chosen(settings: Settings, receiver: str | None) -> Sequence[Receiver]:
    """All receivers of the file, or the one with that id. Raises UserError where it has none of that id."""
    receivers = load_receivers(settings.receivers).receivers
    chosen = [each for each in receivers if receiver in (None, each.id)]
    if receiver is not None and not chosen:
        known = ", ".join(each.id for each in receivers) or "none"
        file = settings.receivers or "the shipped receivers file (set WIREWATCH_RECEIVERS)"
        raise UserError(f"there is no receiver {receiver!r} in {file}: it has {known}")
    return chosen


_STYLES = {"delivered": "green", "given-up": "bold red", "failing": "yellow", "queued": ""}


def _table(found: Sequence[Delivery]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for title in ("Made (UTC)", "Receiver", "State", "Why", "Alerts", "Tries"):
        table.add_column(title, no_wrap=True)
    table.add_column("Last answer", ratio=1)
    table.add_column("ID", overflow="fold", ratio=1)
    for each in found:
        table.add_row(
            f"{each.created.astimezone(UTC):%m-%d %H:%M:%S}",
            Text(clean(each.receiver)),
            Text(each.state, style=_STYLES[each.state]),
            each.reason,
            str(each.alerts_total),
            str(each.tries),
            Text(_last(each)),
            Text(clean(each.id)),
        )
    return table


def _last(delivery: Delivery) -> str:
    last = delivery.last
    if last is None:
        return ""
    said = " ".join(filter(None, (last.outcome, str(last.status or ""), clean(last.reply))))
    return f"{said}; again {delivery.due.astimezone(UTC):%m-%d %H:%M:%S}" if last.due and delivery.due else said
