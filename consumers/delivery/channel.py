"""Ways to reach a receiver, and which one a receiver has."""

from __future__ import annotations

from typing import Protocol

from consumers.delivery.answers import Answer
from consumers.delivery.notification import Notification
from consumers.delivery.receivers import Receiver
from consumers.delivery.webhook import Place, WebhookChannel
from wirewatch.settings import Settings


class Channel(Protocol):
    """Sends notifications to one receiver."""

    async def send(self, notification: Notification) -> Answer:
        """One try, bounded in time. Never raises for what the receiver or the network does."""
        ...

    async def close(self) -> None: ...


def open_channel(receiver: Receiver, settings: Settings) -> Channel:
    """The channel of ``receiver``. Connects to nothing yet, and reads no file."""
    if webhook := receiver.webhook:
        place = Place(webhook.url, webhook.url_file, webhook.secret_file, webhook.allow_private)
        return WebhookChannel(place, seconds_max=settings.delivery_seconds_max)
    assert receiver.apprise is not None  # noqa: S101  (for the type checker: a receiver has one of the two)
    # Large, and needed by those alone who use it.
    from consumers.delivery.apprise_channel import AppriseChannel

    return AppriseChannel(receiver.apprise.url_file, seconds_max=settings.delivery_seconds_max)
