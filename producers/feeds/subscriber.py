"""Asks hubs to push feeds to us, to go on with it, and to stop."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

import msgspec

from producers.feeds.fetch import Failed, Fetcher
from producers.feeds.subscriptions import Subscriptions
from producers.feeds.websub import Plan, new_subscription, plan, request
from wirewatch.feed_state import FeedState
from wirewatch.metrics import Metrics
from wirewatch.push_state import Subscription

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """``callback``: the public address under which hubs reach our ingest. All methods may raise StoreUnavailable."""

    subscriptions: Subscriptions
    fetcher: Fetcher
    metrics: Metrics
    callback: str

    async def find(self, state: FeedState) -> Subscription | None:
        """The feed's subscription."""
        return await self.subscriptions.find(state.push) if state.push else None

    async def tend(self, state: FeedState, subscription: Subscription | None, now: datetime) -> FeedState:
        """Do what is due about the feed's subscription; the state says which one it has then. Repeating is safe."""
        todo = plan(state, subscription, now)
        if todo is Plan.NOTHING:
            return state if subscription or not state.push else msgspec.structs.replace(state, push=None)
        if subscription and todo in (Plan.LEAVE, Plan.MOVE):
            await self._ask(msgspec.structs.replace(subscription, mode="unsubscribe"), now)
            subscription = None
        if todo in (Plan.SUBSCRIBE, Plan.MOVE):
            subscription = new_subscription(state)
            await self.subscriptions.add(subscription)
        if subscription:
            await self._ask(subscription, now)
        id_ = subscription.id if subscription else None
        return state if id_ == state.push else msgspec.structs.replace(state, push=id_, pushed=0, agreed=0)

    async def leave(self, now: datetime) -> None:
        """Ask the hubs of feeds that were taken off the list to stop."""
        for id_ in await self.subscriptions.leaving():
            if subscription := await self.subscriptions.find(id_):
                await self._ask(msgspec.structs.replace(subscription, mode="unsubscribe"), now)

    async def _ask(self, subscription: Subscription, now: datetime) -> None:
        # First: a hub may verify before it answers.
        await self.subscriptions.asked(subscription, now.timestamp())
        answer = await self.fetcher.post(subscription.hub, request(subscription, self.callback))
        outcome = answer.reason if isinstance(answer, Failed) else "asked"
        self.metrics.hub_requests.labels(subscription.mode, outcome).inc()
        if isinstance(answer, Failed):
            why = f"{answer.reason}: {answer.detail}"
            _log.warning(
                "%s: its hub %s did not %s us: %s", subscription.feed, subscription.hub, subscription.mode, why
            )
