"""What people ask and do about deliveries: list them, send one again, enable a receiver. For the CLI and the API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from consumers.delivery import standing as standings
from consumers.delivery.attempts import Attempt, Delivery, Sent
from consumers.delivery.notification import Notification, ReceiverKeys
from consumers.delivery.queue import tries_field
from consumers.delivery.standing import Standing, from_milliseconds, milliseconds
from consumers.delivery.trial import notification_of
from consumers.keys import Keys
from wirewatch.errors import WirewatchError
from wirewatch.records import Alert
from wirewatch.redis_client import Client, answers

_ATTEMPTS_LOOKED_AT = 2_000


class UnknownDelivery(WirewatchError):
    """There is no such notification, or its alerts are no longer kept. The message is for people."""


def list_deliveries(
    client: Client, prefix: str, receivers: Iterable[str], *, failed: bool = False, limit: int = 50
) -> list[Delivery]:
    """At most ``limit`` deliveries to these receivers (their ids), the newest first.

    ``failed``: only those that were tried in vain, given up or not. Raises StoreUnavailable.
    """
    found = [each for name in receivers for each in _of_receiver(client, ReceiverKeys(prefix, name), failed, limit)]
    return sorted(found, key=lambda each: (each.created, each.id), reverse=True)[:limit]


def standing_of(client: Client, prefix: str, receiver: str) -> Standing:
    """Whether the receiver is disabled or held, and its circuit breaker. Raises StoreUnavailable."""
    with answers():
        fields = client.hmget(ReceiverKeys(prefix, receiver).key("state"), standings.FIELDS)
    return standings.decode(dict(zip(standings.FIELDS, fields, strict=True)))


def resend(client: Client, prefix: str, receivers: Iterable[str], notification_id: str, now: datetime) -> Delivery:
    """Send a notification again, under the same id: one in the queue at once and with all its tries before it; one that
    has left it with its alerts as they are now.

    Raises UnknownDelivery when none of ``receivers`` (ids) has it, StoreUnavailable. Repeating is safe.
    """
    for receiver in receivers:
        keys = ReceiverKeys(prefix, receiver)
        with answers():
            waiting, left = (
                client.hget(keys.key("notifications"), notification_id),
                client.hget(keys.key("sent"), notification_id),
            )
        if waiting or left:
            text = waiting or _encoded(_rebuilt(client, prefix, receiver, left, now))
            _put(client, keys, notification_id, text, now)
            (delivery,) = _queued(client, keys, [(notification_id, float(milliseconds(now)))], {})
            return delivery
    raise UnknownDelivery(f"there is no delivery {notification_id}: `wirewatch delivery list` shows them")


def waiting(client: Client, prefix: str, receiver: str) -> int:
    """Notifications in the queue of a receiver. Raises StoreUnavailable."""
    with answers():
        return int(client.zcard(ReceiverKeys(prefix, receiver).key("queue")))


def put_test(client: Client, prefix: str, receiver: str, now: datetime) -> Delivery:
    """Put a test notification into the queue of a receiver: whoever sends has the keys and the way out.

    Raises StoreUnavailable. Each call sends another one.
    """
    keys, notification = ReceiverKeys(prefix, receiver), notification_of(receiver, now)
    _put(client, keys, notification.id, _encoded(notification), now)
    return Delivery(
        id=notification.id,
        receiver=receiver,
        state="queued",
        reason=notification.reason,
        group=notification.group,
        number=notification.number,
        alerts=tuple(alert.id for alert in notification.alerts),
        alerts_total=notification.alerts_total,
        created=notification.created,
        tries=0,
        due=now,
    )


def enable(client: Client, prefix: str, receiver: str) -> bool:
    """Send to a receiver again that said it was gone, or that failed too often; False when nothing stopped it.

    Raises StoreUnavailable. Repeating is safe.
    """
    with answers():
        return bool(client.hdel(ReceiverKeys(prefix, receiver).key("state"), "disabled", "hold", "breaker"))


def _of_receiver(client: Client, keys: ReceiverKeys, failed: bool, limit: int) -> list[Delivery]:
    with answers():
        tried: dict[str, Attempt] = {}
        for _, fields in client.xrevrange(keys.key("attempts"), count=_ATTEMPTS_LOOKED_AT):
            attempt = msgspec.json.decode(fields["attempt"], type=Attempt)
            tried.setdefault(attempt.id, attempt)
        queued = client.zrange(keys.key("queue"), 0, -1, withscores=True)
        left = client.hvals(keys.key("sent"))
    waiting = [each for each in queued if not failed or each[0] in tried]
    found = _queued(client, keys, waiting, tried)
    ended = [msgspec.json.decode(text, type=Sent) for text in left]
    shown = [each for each in ended if not failed or each.outcome == "given-up"]
    newest = sorted(shown, key=lambda each: each.created, reverse=True)[:limit]
    return found + [_left(keys.receiver, each, tried.get(each.id)) for each in newest]


def _queued(
    client: Client, keys: ReceiverKeys, entries: Sequence[tuple[str, float]], tried: dict[str, Attempt]
) -> list[Delivery]:
    if not entries:
        return []
    ids = [notification_id for notification_id, _ in entries]
    with answers():
        texts = client.hmget(keys.key("notifications"), ids)
        tries = client.hmget(keys.key("state"), [tries_field(each) for each in ids])
    found = []
    for text, count, (_, score) in zip(texts, tries, entries, strict=True):
        if text is None:  # sent meanwhile
            continue
        waiting = msgspec.json.decode(text, type=Notification)
        last = tried.get(waiting.id)
        found.append(
            Delivery(
                id=waiting.id,
                receiver=keys.receiver,
                state="failing" if last is not None and last.due is not None else "queued",
                reason=waiting.reason,
                group=waiting.group,
                number=waiting.number,
                alerts=tuple(alert.id for alert in waiting.alerts),
                alerts_total=waiting.alerts_total,
                created=waiting.created,
                tries=int(count or 0),
                due=from_milliseconds(score),
                last=last,
            )
        )
    return found


def _left(receiver: str, ended: Sent, last: Attempt | None) -> Delivery:
    return Delivery(
        id=ended.id,
        receiver=receiver,
        state=ended.outcome,
        reason=ended.reason,
        group=ended.group,
        number=ended.number,
        alerts=ended.alerts,
        alerts_total=ended.alerts_total,
        created=ended.created,
        tries=ended.tries,
        at=ended.at,
        last=last,
    )


def _rebuilt(client: Client, prefix: str, receiver: str, left: str, now: datetime) -> Notification:
    keys = Keys(prefix)
    ended = msgspec.json.decode(left, type=Sent)
    alerts = []
    with answers():
        for place in client.hmget(keys.feed_ids, ended.alerts) if ended.alerts else []:
            for _, fields in client.xrange(keys.feed, place, place) if place else []:
                alerts.append(msgspec.json.decode(fields["alert"], type=Alert))
    if not alerts:
        raise UnknownDelivery(f"the alerts of {ended.id} are no longer kept: it cannot be sent again")
    return Notification(
        id=ended.id,
        receiver=receiver,
        group=ended.group,
        number=ended.number,
        reason="resent",
        alerts=tuple(alerts),
        alerts_total=ended.alerts_total,
        created=now,
    )


def _put(client: Client, keys: ReceiverKeys, notification_id: str, text: str, now: datetime) -> None:
    with answers(), client.pipeline(transaction=True) as pipe:
        pipe.hset(keys.key("notifications"), notification_id, text)
        pipe.zadd(keys.key("queue"), {notification_id: milliseconds(now)})
        pipe.hdel(keys.key("state"), tries_field(notification_id))
        pipe.execute()


def _encoded(record: msgspec.Struct) -> str:
    return msgspec.json.encode(record).decode()
