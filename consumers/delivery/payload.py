"""A notification as a webhook carries it: JSON below 20 kB, as the Standard Webhooks specification asks. Pure.

The same notification gives the same bytes, so that every try to send it is the same message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from consumers.delivery.message import plain, subject
from consumers.delivery.notification import Notification
from wirewatch.records import Alert, Moment

BODY_BYTES_MAX = 20_000
_SHORT_CHARS = 60
_ACTORS_MIN = 3

Alerts = tuple[Alert, ...]


class Data(Notification, frozen=True, kw_only=True):
    """The notification; ``subject`` is its one line for people. ``cut`` names what was left out to keep it small:
    sentences, articles, alerts (``alerts_total`` still counts them), texts."""

    subject: str
    cut: tuple[str, ...] = ()


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """``type`` is ``alerts.`` and the reason; ``timestamp`` is when the notification was made."""

    type: str
    timestamp: Moment
    data: Data


def payload(notification: Notification) -> bytes:
    """The body to send, always smaller than BODY_BYTES_MAX."""
    cut: list[str] = []
    body = _encoded(notification, notification.alerts, ())
    for name, alerts in _smaller(notification.alerts):
        if len(body) < BODY_BYTES_MAX:
            break
        if name not in cut:
            cut.append(name)
        body = _encoded(notification, alerts, tuple(cut))
    return body


def _encoded(notification: Notification, alerts: Alerts, cut: tuple[str, ...]) -> bytes:
    fields = {name: getattr(notification, name) for name in Notification.__struct_fields__}
    data = Data(**{**fields, "alerts": alerts}, subject=subject(notification), cut=cut)
    kind = f"alerts.{notification.reason}"
    return msgspec.json.encode(Payload(type=kind, timestamp=notification.created, data=data))


def _smaller(alerts: Alerts) -> Iterator[tuple[str, Alerts]]:
    """What to try, one after the other, each on top of those before."""
    steps: list[tuple[str, Callable[[Alert], Alert]]] = [
        ("sentences", lambda alert: _with(alert, sentences=alert.sentences[:1])),
        ("articles", lambda alert: _with(alert, articles=alert.articles[:3])),
        ("sentences", lambda alert: _with(alert, sentences=())),
        ("articles", lambda alert: _with(alert, articles=(), sources=alert.sources[:3])),
    ]
    for name, step in steps:
        alerts = tuple(map(step, alerts))
        yield name, alerts
    while len(alerts) > 1:
        alerts = alerts[: len(alerts) // 2]
        yield "alerts", alerts
    yield "texts", tuple(map(_short, alerts))


def _with(alert: Alert, **changed: Any) -> Alert:
    return msgspec.structs.replace(alert, **changed)


def _short(alert: Alert) -> Alert:
    """One whose texts alone would fill the message."""
    actors = [
        msgspec.structs.replace(actor, name=plain(actor.name, _SHORT_CHARS), why=plain(actor.why, _SHORT_CHARS))
        for actor in alert.actors[:_ACTORS_MIN]
    ]
    texts = {name: plain(getattr(alert, name), _SHORT_CHARS) for name in ("reason", "title", "source", "summary")}
    url = alert.url if alert.url and len(alert.url) <= 2_000 else None
    return _with(alert, actors=tuple(actors), sources=(), url=url, **texts)
