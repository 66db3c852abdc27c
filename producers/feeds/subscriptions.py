"""WebSub subscriptions in Redis; see ``wirewatch/push_state.py`` for what is kept where."""

from __future__ import annotations

from typing import Any

from wirewatch.push_state import PushKeys, Subscription, from_hash, to_hash
from wirewatch.redis_client import AsyncClient, answers
from wirewatch.settings import Settings

KEPT_SECONDS = 86_400
"""After the end of a lease, or of an attempt to get one."""
_LEAVING_AT_ONCE = 20

# HSET of a key that is gone would make half a subscription that never expires.
_CHANGE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
if ARGV[2] ~= '0' then redis.call('HINCRBY', KEYS[1], 'articles', ARGV[2]) end
if ARGV[3] ~= '0' then redis.call('HINCRBY', KEYS[1], 'tries', ARGV[3]) end
local kept = tonumber(ARGV[1])
if kept > 0 then redis.call('EXPIRE', KEYS[1], kept) end
return 1
"""


class Subscriptions:
    """All methods may raise StoreUnavailable; repeating them is safe."""

    def __init__(self, client: AsyncClient, settings: Settings) -> None:
        self._client = client
        self._keys = PushKeys(settings.redis_prefix)
        self._change = client.register_script(_CHANGE)

    async def find(self, id_: str) -> Subscription | None:
        """The subscription of that id."""
        with answers():
            return from_hash(id_, await self._client.hgetall(self._keys.subscription(id_)))

    async def add(self, subscription: Subscription) -> None:
        """Keep a new one. Before the hub is asked: it may verify before it answers."""
        key = self._keys.subscription(subscription.id)
        with answers():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.hset(key, mapping=to_hash(subscription))
            pipeline.expire(key, KEPT_SECONDS)
            await pipeline.execute()

    async def asked(self, subscription: Subscription, now: float) -> None:
        """The hub is about to be asked for what ``subscription.mode`` says."""
        kept = int(max(subscription.until - now, 0)) + KEPT_SECONDS
        await self._set(subscription.id, kept, more_tries=1, mode=subscription.mode, tried=now)

    async def verified(self, id_: str, now: float, lease: float) -> None:
        """The hub agreed, for so many seconds."""
        await self._set(id_, int(lease) + KEPT_SECONDS, verified=now, lease=lease, tries=0, denied="")

    async def denied(self, id_: str, reason: str) -> None:
        """The hub refused, or ended it."""
        await self._set(id_, KEPT_SECONDS, lease=0.0, denied=reason)

    async def pushed(self, id_: str, now: float, articles: int) -> None:
        """Content came, with so many new articles."""
        await self._set(id_, 0, articles=articles, pushed=now)

    async def _set(self, id_: str, kept: int, *, articles: int = 0, more_tries: int = 0, **fields: Any) -> None:
        pairs = [part for pair in fields.items() for part in pair]
        with answers():
            await self._change([self._keys.subscription(id_)], [kept, articles, more_tries, *pairs])

    async def forget(self, id_: str) -> None:
        """Whatever comes by it from now on is answered with 410."""
        with answers():
            await self._client.delete(self._keys.subscription(id_))

    async def leaving(self) -> list[str]:
        """Some ids whose feeds are gone, each handed out once; one that is lost ends with its lease."""
        with answers():
            found: list[str] = await self._client.spop(self._keys.leaving, _LEAVING_AT_ONCE) or []
        return found
