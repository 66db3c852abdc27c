"""What is known of each WebSub subscription, and where Redis keeps it. Pollers ask hubs for them, the ingest verifies.

    ww:push:<id>         hash    one subscription, by the id in its callback's path; expires after its lease
    ww:{feeds}:leaving   set     ids of feeds that were taken off the list: a poller asks their hubs to stop

Each field has one writer at a time, so that pollers and ingest need no lock. Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from wirewatch.redis_client import Client, answers

Mode = Literal["subscribe", "unsubscribe"]

LEASE_SECONDS = 10 * 86_400
"""What we ask for, and what counts where a hub does not say."""
LEASE_SECONDS_MAX = 90 * 86_400
_RENEW_SHARE = 0.2
_READ_AT_ONCE = 500
_RENEW_SECONDS_MAX = 86_400.0


class Subscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``feed``: the listed address; ``topic``: what the hub calls it; ``mode``: what was last asked of the hub."""

    id: str
    feed: str
    hub: str
    topic: str
    secret: str
    mode: Mode = "subscribe"
    tried: float = 0.0
    """When the hub was last asked."""
    tries: int = 0
    """How often since it last agreed."""
    verified: float = 0.0
    lease: float = 0.0
    """Seconds that the hub granted when it last agreed; 0: never."""
    denied: str = ""
    pushed: float = 0.0
    """When content last came."""
    articles: int = 0
    """New articles that came by it."""

    @property
    def until(self) -> float:
        return self.verified + self.lease

    @property
    def renew(self) -> float:
        """When to ask again: well before the lease ends."""
        return self.until - min(self.lease * _RENEW_SHARE, _RENEW_SECONDS_MAX)

    def live(self, now: float) -> bool:
        """Whether the hub has promised to push at ``now``."""
        return self.mode == "subscribe" and self.lease > 0 and now < self.until


@dataclass(frozen=True, slots=True)
class PushKeys:
    """Names keys below a prefix."""

    prefix: str

    @property
    def leaving(self) -> str:
        return f"{self.prefix}:{{feeds}}:leaving"

    def subscription(self, id_: str) -> str:
        return f"{self.prefix}:push:{id_}"


def to_hash(subscription: Subscription) -> dict[str, Any]:
    """As the fields of a hash."""
    return {name: value for name, value in msgspec.structs.asdict(subscription).items() if name != "id"}


def read_subscriptions(client: Client, keys: PushKeys, ids: Iterable[str]) -> dict[str, Subscription]:
    """Those that there are, by their id. Raises StoreUnavailable."""
    asked = list(ids)
    found: dict[str, Subscription] = {}
    for start in range(0, len(asked), _READ_AT_ONCE):
        part = asked[start : start + _READ_AT_ONCE]
        with answers():
            pipeline: Any = client.pipeline(transaction=False)
            for id_ in part:
                pipeline.hgetall(keys.subscription(id_))
            hashes = pipeline.execute()
        for id_, fields in zip(part, hashes, strict=True):
            if subscription := from_hash(id_, fields):
                found[id_] = subscription
    return found


def from_hash(id_: str, found: Mapping[str, str]) -> Subscription | None:
    """The subscription, or None where there is none, or none that can be read: it ends with its lease."""
    try:
        return msgspec.convert({"id": id_, **found}, Subscription, strict=False) if found else None
    except msgspec.ValidationError:
        return None
