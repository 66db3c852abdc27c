"""What one receiver is told at once, and where Redis keeps what is due to it.

Two sides meet here. The notifier decides, from alerts, groups, silences and the clock, that a receiver is to be told,
and puts a notification into that receiver's queue. The sender takes what is due from the queue and does not rest until
the receiver has it, or has said that it is gone. Neither waits for the other, and no receiver for another.

    ww:{to:<receiver>}:cursor          string  place in the alert feed up to which the notifier has looked
    ww:{to:<receiver>}:groups          hash    group → what the notifier knows of it (JSON)
    ww:{to:<receiver>}:look            zset    group → when to look at it again, milliseconds since the epoch
    ww:{to:<receiver>}:marks           zset    mark of an alert that inhibits others → when it last came, milliseconds
    ww:{to:<receiver>}:queue           zset    notification id → when it is due, milliseconds since the epoch
    ww:{to:<receiver>}:notifications   hash    notification id → Notification (JSON), those in the queue
    ww:{to:<receiver>}:attempts        stream  what came of each try to send, the newest 10,000
    ww:{to:<receiver>}:sent            hash    notification id → Sent (JSON), the newest 10,000
    ww:{to:<receiver>}:state           hash    what the sender knows of the receiver: disabled, its circuit breaker
    ww:{to:<receiver>}:notifier        string  who decides for this receiver (a lease)
    ww:{to:<receiver>}:sender          string  who sends to this receiver (a lease)

All keys of one receiver have one hash tag, so one transaction changes them together, on a Redis Cluster too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from wirewatch.records import Alert, Moment

ALERTS_MAX = 20
"""A notification shows so many alerts at most, and says how many more there are."""

ReceiverKey = Literal[
    "cursor", "groups", "look", "marks", "queue", "notifications", "attempts", "sent", "state", "notifier", "sender"
]
NotificationReason = Literal["first", "escalated", "updated", "repeat", "digest", "resent", "test"]


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one receiver about one group of alerts; sent again under the same ``id`` until it is taken."""

    id: str
    """A hash of the receiver, the group, when that was opened, and ``number``: the receiver tells repeats by it."""
    receiver: str
    group: str
    number: int
    """How many notifications of this group came before it."""
    reason: NotificationReason
    alerts: tuple[Alert, ...]
    """The worst first, then the newest; at most ``ALERTS_MAX``."""
    alerts_total: int
    created: Moment


@dataclass(frozen=True, slots=True)
class ReceiverKeys:
    """Names the keys of one receiver."""

    prefix: str
    receiver: str

    def key(self, name: ReceiverKey) -> str:
        return f"{self.prefix}:{{to:{self.receiver}}}:{name}"
