"""Sends what is due to one receiver until the receiver has it. For asyncio, a task for each receiver.

Nothing is shared between receivers but Redis and the processor: one that is dead, slow or rate-limited waits alone.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from consumers.delivery import breaker, retry
from consumers.delivery.answers import Answer
from consumers.delivery.attempts import Attempt
from consumers.delivery.bucket import Rate
from consumers.delivery.channel import Channel
from consumers.delivery.outcomes import Observer
from consumers.delivery.queue import Item, Look, Queue
from consumers.delivery.receivers import Receiver
from consumers.delivery.standing import Disabled, Hold, Standing, permit
from wirewatch.errors import StoreUnavailable
from wirewatch.settings import Settings

LOOK_SECONDS = 0.5
"""An empty queue is looked at so often; what a notifier of this process puts there is told at once."""
_OBSERVE_SECONDS = 5.0
_PAUSE_SECONDS_MAX = 5.0
_BURSTS_A_MINUTE = 6
_LOOKS_A_SECOND_MAX = 200

_Result = TypeVar("_Result")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a sender is, in seconds."""

    waits: tuple[float, ...]
    breaker_seconds: float
    lease_seconds: float
    look_seconds: float = LOOK_SECONDS

    @staticmethod
    def of(settings: Settings, receivers: int = 1) -> Policy:
        """As the settings have it; where there are many receivers, all together look at most so often."""
        return Policy(
            look_seconds=max(LOOK_SECONDS, receivers / _LOOKS_A_SECOND_MAX),
            waits=tuple(map(float, settings.delivery_retry_seconds.split())),
            breaker_seconds=settings.delivery_breaker_seconds,
            lease_seconds=settings.delivery_lease_seconds,
        )


class Sender:
    """Sends to one receiver while it holds the lease on it. ``owner`` is a word of its own."""

    def __init__(
        self, receiver: Receiver, channel: Channel, queue: Queue, observer: Observer, policy: Policy, owner: str
    ) -> None:
        self._receiver = receiver
        self._channel = channel
        self._queue = queue
        self._observer = observer
        self._policy = policy
        self._owner = owner
        per_minute = receiver.rate_per_minute
        self._rate = Rate(per_minute=per_minute, burst=max(1, per_minute // _BURSTS_A_MINUTE))
        self._awake = asyncio.Event()
        self._stopping = False
        self._held_until = 0.0
        self._standing = Standing()
        self._observe_due = 0.0

    def wake(self) -> None:
        """There is something new in the queue."""
        self._awake.set()

    def stop(self) -> None:
        """End after what is at hand."""
        self._stopping = True
        self._awake.set()

    async def run(self) -> None:
        """Until ``stop``; then the lease is given up. Waits for Redis where it is away."""
        keeper = asyncio.create_task(self._keep_lease(), name=f"lease of {self._receiver.id}")
        try:
            while not self._stopping:
                self._awake.clear()
                if keeper.done():
                    keeper.result()  # raises what ended it
                pause = await self._turn() if time.monotonic() < self._held_until else self._policy.look_seconds
                if pause > 0 and not self._stopping:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._awake.wait(), min(pause, self._policy.look_seconds))
        finally:
            keeper.cancel()
            self._observer.forget()
            await self._channel.close()
            with suppress(StoreUnavailable):
                await self._queue.release(self._owner)

    async def _keep_lease(self) -> None:
        seconds = self._policy.lease_seconds
        while True:
            asked = time.monotonic()
            try:
                held = await self._queue.hold(self._owner, seconds)
            except StoreUnavailable:
                held = False
            if held:
                self._held_until = asked + seconds
                self._awake.set()
            elif self._held_until:
                self._held_until = 0.0
                self._observer.forget()
            await asyncio.sleep(seconds / 3 if held else min(seconds / 3, LOOK_SECONDS))

    async def _turn(self) -> float:
        """Send one notification if one is due. Returns for how many seconds there is nothing to do."""
        look: Look = await self._patiently(self._queue.look)
        # A token that was taken is written down with the next attempt; until then we know better than Redis.
        self._standing = msgspec.structs.replace(look.standing, bucket=self._standing.bucket or look.standing.bucket)
        await self._observe(look)
        now = datetime.now(UTC)
        if look.first is None or look.due is None:
            return self._policy.look_seconds
        if look.due > now:
            return (look.due - now).total_seconds()
        permitted = permit(self._standing, self._rate, now)
        self._standing = permitted.standing
        if not permitted.given:
            return (permitted.when - now).total_seconds() if permitted.when else self._policy.look_seconds
        first = look.first
        item: Item | None = await self._patiently(lambda: self._queue.item(first))
        if item is not None:
            await self._send(item)
        return 0.0

    async def _send(self, item: Item) -> None:
        at = datetime.now(UTC)
        answer = await self._channel.send(item.notification)
        now = datetime.now(UTC)
        notification = item.notification
        following = retry.next_try(
            answer,
            item.tries,
            now,
            jitter=random.random(),  # noqa: S311  (spreads load, guards nothing)
            waits=self._policy.waits,
        )
        attempt = Attempt(
            id=notification.id,
            n=item.tries + 1,
            at=at,
            outcome=answer.outcome,
            status=answer.status,
            seconds=round(answer.seconds, 4),
            reply=answer.reply,
            next=following.reason,
            due=following.when,
        )
        self._standing = self._after(answer, following, now)
        await self._patiently(lambda: self._queue.record(item, attempt, following.tries, self._standing))
        self._observer.attempted(item, attempt, now)
        if answer.outcome != "delivered":
            self._tell(attempt)

    def _after(self, answer: Answer, following: retry.Next, now: datetime) -> Standing:
        return msgspec.structs.replace(
            self._standing,
            breaker=breaker.after(self._standing.breaker, answer, now, open_seconds=self._policy.breaker_seconds),
            hold=Hold(until=following.hold) if following.hold else None,
            disabled=Disabled(at=now, why=f"{answer.status} {answer.reply}") if following.reason == "gone" else None,
        )

    def _tell(self, attempt: Attempt) -> None:
        level = log.error if attempt.next in ("gone", "given-up") else log.warning
        level(
            "a notification was not taken",
            receiver=self._receiver.id,
            id=attempt.id,
            n=attempt.n,
            outcome=attempt.outcome,
            status=attempt.status,
            reply=attempt.reply,
            next=attempt.next,
            breaker=self._standing.breaker.state(datetime.now(UTC)),
        )

    async def _observe(self, look: Look) -> None:
        if time.monotonic() < self._observe_due:
            return
        self._observe_due = time.monotonic() + _OBSERVE_SECONDS
        length = await self._patiently(self._queue.length)
        oldest = await self._patiently(self._queue.oldest) if look.first else None
        self._observer.observed(length, oldest, look.standing, datetime.now(UTC))
        await self._patiently(self._queue.trim)

    async def _patiently(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """The result of ``call``, tried until Redis answers: what has been sent must be written down."""

        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.warning("waiting for Redis", receiver=self._receiver.id, error=str(error))

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(StoreUnavailable),
            wait=wait_random_exponential(multiplier=0.1, max=_PAUSE_SECONDS_MAX),
            before_sleep=note,
        )

        async def trying() -> _Result:
            return await call()

        return await retrying(trying)
