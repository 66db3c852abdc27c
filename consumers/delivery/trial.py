"""A notification that tells nothing, to see whether a receiver can be reached."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime

import msgspec

from consumers.delivery.answers import Answer, Outcome
from consumers.delivery.channel import open_channel
from consumers.delivery.notification import Notification
from consumers.delivery.receivers import Receiver
from wirewatch.records import Alert, Moment
from wirewatch.settings import Settings


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. ``reply`` is cleaned."""

    receiver: str
    id: str
    at: Moment
    outcome: Outcome
    status: int | None
    seconds: float
    reply: str


def send_test(receiver: Receiver, settings: Settings, now: datetime) -> Trial:
    """Send a test notification at once, past queue, pace and breaker; nothing of it is kept.

    Blocks, bounded by ``delivery_seconds_max``; never raises for what the receiver or the network does. Call it from a
    thread without an event loop of its own. Each call sends another one.
    """
    notification = notification_of(receiver.id, now)
    answer = asyncio.run(_send(receiver, settings, notification))
    return Trial(
        receiver=receiver.id,
        id=notification.id,
        at=now,
        outcome=answer.outcome,
        status=answer.status,
        seconds=round(answer.seconds, 3),
        reply=answer.reply,
    )


async def _send(receiver: Receiver, settings: Settings, notification: Notification) -> Answer:
    channel = open_channel(receiver, settings)
    try:
        return await channel.send(notification)
    finally:
        await channel.close()


def notification_of(receiver: str, now: datetime) -> Notification:
    """A test notification with an id of its own and one invented alert."""
    alert = Alert(
        id="test",
        rule="test",
        rule_version="",
        severity="info",
        reason="someone asked for a test",
        actors=(),
        article_id="",
        title="Wirewatch reaches you",
        source="wirewatch",
        url=None,
        language="en",
        published=None,
        first_seen=now,
        raised=now,
        received_ms=0,
    )
    return Notification(
        id=f"test-{secrets.token_hex(8)}",
        receiver=receiver,
        group="test",
        number=0,
        reason="test",
        alerts=(alert,),
        alerts_total=1,
        created=now,
    )
