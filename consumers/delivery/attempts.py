"""What is written down of every try to send, and of every notification that has left the queue."""

from __future__ import annotations

from typing import Literal

import msgspec

from consumers.delivery.answers import Outcome
from consumers.delivery.notification import Notification, NotificationReason
from consumers.delivery.retry import NextReason
from wirewatch.records import Moment

ATTEMPTS_KEPT = 10_000
SENT_KEPT = 10_000


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to send one notification, and what follows from it."""

    id: str
    """Of the notification."""
    n: int
    """1 for the first try; what a receiver answers by asking us to wait does not count, so a number may come again."""
    at: Moment
    outcome: Outcome
    status: int | None = None
    """Of HTTP; None where nothing answered, or where Apprise does not say."""
    seconds: float = 0.0
    reply: str = ""
    """The beginning of what came back, cleaned."""
    next: NextReason
    due: Moment | None = None
    """When it is tried again."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that has left the queue. Its alerts are named, not kept: the feed has them."""

    id: str
    group: str
    number: int
    reason: NotificationReason
    alerts: tuple[str, ...]
    alerts_total: int
    created: Moment
    at: Moment
    tries: int
    outcome: Literal["delivered", "given-up"]


DeliveryState = Literal["queued", "failing", "delivered", "given-up"]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A notification as people ask for it, in the queue or out of it.

    ``queued``: not tried yet; ``failing``: tried in vain, and due again.
    """

    id: str
    receiver: str
    state: DeliveryState
    reason: NotificationReason
    group: str
    number: int
    alerts: tuple[str, ...]
    """Their ids."""
    alerts_total: int
    created: Moment
    tries: int
    due: Moment | None = None
    at: Moment | None = None
    """When it left the queue."""
    last: Attempt | None = None


def sent(notification: Notification, outcome: Literal["delivered", "given-up"], at: Moment, tries: int) -> Sent:
    """The record of ``notification`` for when it has left the queue."""
    return Sent(
        id=notification.id,
        group=notification.group,
        number=notification.number,
        reason=notification.reason,
        alerts=tuple(alert.id for alert in notification.alerts),
        alerts_total=notification.alerts_total,
        created=notification.created,
        at=at,
        tries=tries,
        outcome=outcome,
    )
