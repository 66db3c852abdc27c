"""WebSub (https://www.w3.org/TR/websub/): what to do about a feed's subscription, and what a push proves. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from producers.feeds.fetch import Fetched
from producers.feeds.intake import Took
from producers.feeds.parse import link
from producers.feeds.rhythm import Next
from wirewatch.feed_state import FeedState
from wirewatch.push_state import LEASE_SECONDS, LEASE_SECONDS_MAX, Subscription
from wirewatch.settings import Settings

CALLBACK_PATH = "/websub/"
AGAIN_SECONDS = 3_600.0
"""After a hub that was asked and has not agreed; twice as long after each, at most a day."""
_AGAIN_SECONDS_MAX = 86_400.0
_SECRET_BYTES = 32
_METHODS = ("sha1", "sha256", "sha384", "sha512")
# One link of a Link header; its parameters go up to the comma that begins the next one.
_LINK = re.compile(r"<([^<>]{1,4096})>((?:[^,\"<]|\"[^\"]*\")*)")
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


class Plan(StrEnum):
    """What to do about a subscription."""

    NOTHING = "nothing"
    SUBSCRIBE = "subscribe"
    AGAIN = "again"
    """Ask the same hub once more: to renew, or as it has not agreed yet."""
    LEAVE = "leave"
    MOVE = "move"
    """Leave, and subscribe elsewhere."""


def plan(state: FeedState, subscription: Subscription | None, now: datetime) -> Plan:
    """What to do about the feed's subscription, of which ``subscription`` is known."""
    wanted = state.hub is not None and state.topic is not None and not state.ended
    if not wanted:
        return Plan.LEAVE if subscription else Plan.NOTHING
    if subscription is None:
        return Plan.SUBSCRIBE
    if (subscription.hub, subscription.topic) != (state.hub, state.topic):
        return Plan.MOVE
    moment = now.timestamp()
    again = subscription.tried + wait_again(subscription)
    if moment < again or (subscription.live(moment) and moment < subscription.renew):
        return Plan.NOTHING
    return Plan.AGAIN


def wait_again(subscription: Subscription) -> float:
    """Seconds after the last try. A hub that said no is not asked for a day."""
    if subscription.denied:
        return _AGAIN_SECONDS_MAX
    if subscription.tries == 0:
        return 0.0
    return min(AGAIN_SECONDS * 2.0 ** min(subscription.tries - 1, 10), _AGAIN_SECONDS_MAX)


def new_subscription(state: FeedState) -> Subscription:
    """A subscription of the feed, with an id that cannot be guessed and a secret of its own."""
    assert state.hub is not None and state.topic is not None  # noqa: S101, PT018  (what ``plan`` has seen)
    id_ = secrets.token_urlsafe(_SECRET_BYTES)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return Subscription(id=id_, feed=state.url, hub=state.hub, topic=state.topic, secret=secret)


def request(subscription: Subscription, callback: str) -> dict[str, str]:
    """The form that asks the hub for what ``subscription.mode`` says. ``callback``: our public address."""
    form = {
        "hub.mode": subscription.mode,
        "hub.topic": subscription.topic,
        "hub.callback": callback.rstrip("/") + CALLBACK_PATH + subscription.id,
    }
    if subscription.mode == "subscribe":
        form |= {"hub.secret": subscription.secret, "hub.lease_seconds": str(LEASE_SECONDS)}
    return form


def lease_seconds(stated: str | None) -> float:
    """The lease that a hub grants; what we asked for where it does not say."""
    text = (stated or "").strip()
    seconds = float(text) if text.isascii() and text.isdigit() and len(text) < 12 else float(LEASE_SECONDS)
    return min(seconds, LEASE_SECONDS_MAX)


def signed(body: bytes, secret: str, header: str | None) -> bool:
    """Whether ``X-Hub-Signature`` proves that who sent ``body`` knows the secret."""
    method, _, digest = (header or "").strip().partition("=")
    if method.lower() not in _METHODS:
        return False
    right = hmac.new(secret.encode(), body, getattr(hashlib, method.lower())).hexdigest()
    return hmac.compare_digest(right.encode(), digest.strip().lower().encode("utf-8", "surrogateescape"))


def offered(document: Fetched, took: Took) -> tuple[str, str] | None:
    """Hub and topic that a feed offers; its HTTP headers count for more than its text. None where it offers none."""
    found: dict[str, str] = {}
    for address, parameters in _LINK.findall(document.links):
        relation = _RELATION.search(parameters)
        for each in (relation[1] or relation[2] or "").lower().split() if relation else ():
            if each in ("hub", "self") and (absolute := link(document.url, address)):
                found.setdefault(each, absolute)
    hub = found.get("hub") or next(iter(took.hubs), None)
    return (hub, found.get("self") or took.topic or document.url) if hub else None


def stretched(
    following: Next, subscription: Subscription | None, agreed: int, now: datetime, settings: Settings
) -> Next:
    """The next poll of a feed that is pushed to us: later, the more polls in a row found nothing but what was pushed.

    In time to renew the lease, and never sooner than the shortest interval.
    """
    if following.when is None or subscription is None or not subscription.live(now.timestamp()):
        return following
    wait = (following.when - now).total_seconds()
    longer = min(wait * 2.0 ** min(agreed, 10), settings.feed_push_interval_seconds)
    renew = max(subscription.renew - now.timestamp(), settings.feed_interval_seconds)
    seconds = min(max(wait, longer), renew)
    if seconds == wait:
        return following
    return Next(now + timedelta(seconds=seconds), "pushed" if seconds > wait else "lease")


def moment(seconds: float) -> datetime | None:
    """A time of ``Subscription`` for people; None for never."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
