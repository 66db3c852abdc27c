"""A receiver's queue as the sender works it: look, and write down what came of a try. For asyncio.

Each change is one transaction over the keys of one receiver. A process that is killed between a sending and its record
sends the same notification again, under the same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog

from consumers.delivery import standing as standings
from consumers.delivery.attempts import ATTEMPTS_KEPT, SENT_KEPT, Attempt, sent
from consumers.delivery.notification import Notification, ReceiverKeys
from consumers.delivery.standing import Standing, from_milliseconds, milliseconds
from wirewatch.redis_client import AsyncClient, answers

_TRIMMED_AT_ONCE = 500
_LOOKED_AT_MAX = 100
_LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if holder then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

log = structlog.get_logger(__name__)


def tries_field(notification_id: str) -> str:
    """The field of a receiver's ``state`` that counts the tries of one notification."""
    return f"tries:{notification_id}"


@dataclass(frozen=True, slots=True)
class Look:
    """What the queue holds first, and how the receiver stands. ``first`` and ``due`` None: it is empty."""

    standing: Standing
    first: str | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A notification to send, after ``tries`` tries in vain."""

    notification: Notification
    tries: int


class Queue:
    """The queue of one receiver. All raise StoreUnavailable; repeating is safe."""

    def __init__(self, client: AsyncClient, keys: ReceiverKeys) -> None:
        self._client = client
        self._keys = keys
        self._lease = client.register_script(_LEASE)
        self._release = client.register_script(_RELEASE)

    async def hold(self, owner: str, seconds: float) -> bool:
        """Take the lease on sending to this receiver, or make ours last ``seconds`` from now. False: another has it."""
        with answers():
            return bool(await self._lease(keys=[self._keys.key("sender")], args=[owner, int(seconds * 1000)]))

    async def release(self, owner: str) -> None:
        """Give our lease up, so that another may take it at once."""
        with answers():
            await self._release(keys=[self._keys.key("sender")], args=[owner])

    async def look(self) -> Look:
        """The notification that is due first, whether or not it is due yet."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.zrange(self._keys.key("queue"), 0, 0, withscores=True)
            pipe.hmget(self._keys.key("state"), standings.FIELDS)
            with answers():
                head, fields = await pipe.execute()
        standing = standings.decode(dict(zip(standings.FIELDS, fields, strict=True)))
        if not head:
            return Look(standing)
        ((first, score),) = head
        return Look(standing, first, from_milliseconds(score))

    async def item(self, notification_id: str) -> Item | None:
        """The notification itself; None where it is not there or cannot be read: it is then taken out of the queue."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hget(self._keys.key("notifications"), notification_id)
            pipe.hget(self._keys.key("state"), tries_field(notification_id))
            with answers():
                text, tries = await pipe.execute()
        try:
            return Item(msgspec.json.decode(text or "", type=Notification), int(tries or 0))
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("a notification cannot be read: dropped", id=notification_id, error=str(error))
            await self._drop(notification_id)
            return None

    async def _drop(self, notification_id: str) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            self._leave(pipe, notification_id)
            with answers():
                await pipe.execute()

    async def record(self, item: Item, attempt: Attempt, tries: int, standing: Standing) -> None:
        """Write the attempt down, and let the notification leave the queue or come again when it is due."""
        notification = item.notification
        state = self._keys.key("state")
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.xadd(self._keys.key("attempts"), {"attempt": _json(attempt)}, maxlen=ATTEMPTS_KEPT, approximate=True)
            if attempt.due is None:
                outcome: Any = "delivered" if attempt.next == "delivered" else "given-up"
                self._leave(pipe, notification.id)
                pipe.hset(
                    self._keys.key("sent"), notification.id, _json(sent(notification, outcome, attempt.at, tries))
                )
            else:
                # Only what is still there: someone may have taken it out meanwhile.
                pipe.zadd(self._keys.key("queue"), {notification.id: milliseconds(attempt.due)}, xx=True)
                pipe.hset(state, tries_field(notification.id), tries)
            kept, gone = standings.encode(standing)
            if kept:
                pipe.hset(state, mapping=kept)
            if gone:
                pipe.hdel(state, *gone)
            with answers():
                await pipe.execute()

    def _leave(self, pipe: Any, notification_id: str) -> None:
        pipe.zrem(self._keys.key("queue"), notification_id)
        pipe.hdel(self._keys.key("notifications"), notification_id)
        pipe.hdel(self._keys.key("state"), tries_field(notification_id))

    async def trim(self) -> None:
        """Forget the oldest of what has left the queue, where there is more than is kept."""
        name = self._keys.key("sent")
        with answers():
            if await self._client.hlen(name) < SENT_KEPT + _TRIMMED_AT_ONCE:
                return
            found = await self._client.hgetall(name)
        ages = sorted((_at(text), notification_id) for notification_id, text in found.items())
        with answers():
            await self._client.hdel(name, *(notification_id for _, notification_id in ages[:-SENT_KEPT]))

    async def length(self) -> int:
        """Notifications in the queue."""
        with answers():
            return int(await self._client.zcard(self._keys.key("queue")))

    async def oldest(self) -> datetime | None:
        """When the oldest was made, of the hundred that are due first."""
        with answers():
            ids = await self._client.zrange(self._keys.key("queue"), 0, _LOOKED_AT_MAX - 1)
            texts = await self._client.hmget(self._keys.key("notifications"), ids) if ids else []
        made = [_created(text) for text in texts if text]
        return min((moment for moment in made if moment is not None), default=None)


class _Dated(msgspec.Struct):
    created: datetime


def _created(text: str) -> datetime | None:
    try:
        return msgspec.json.decode(text, type=_Dated).created
    except msgspec.MsgspecError:
        return None


class _Ended(msgspec.Struct):
    at: str = ""


def _at(text: str) -> str:
    # RFC 3339 in UTC, so that the order of the texts is that of the times.
    try:
        return msgspec.json.decode(text, type=_Ended).at
    except msgspec.MsgspecError:
        return ""


def _json(record: msgspec.Struct) -> str:
    return msgspec.json.encode(record).decode()
