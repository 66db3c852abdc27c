"""One poll of one feed: what it holds that is new goes to the broker, and what was learnt of the feed is kept."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from producers.feeds.board import Board, Held
from producers.feeds.fetch import Conditional, Failed, Fetched, Outcome
from producers.feeds.intake import Intake, Took
from producers.feeds.rhythm import Next, Rhythm, arrived, next_poll
from producers.feeds.subscriber import Subscriber
from producers.feeds.websub import offered, stretched
from producers.publish import Tally
from wirewatch.errors import BrokerUnavailable, Rejected
from wirewatch.feed_state import FeedState, health
from wirewatch.push_state import Subscription
from wirewatch.settings import Settings

PRINTS_MAX = 2_000
_LEASE_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Visit:
    """One poll of one feed, for people and logs."""

    url: str
    outcome: Outcome
    tally: Tally
    items: int
    next: Next


def learnt(state: FeedState, result: Outcome, took: Took, now: datetime, settings: Settings, spread: float) -> Next:
    """When the feed is due after this poll; see ``next_poll``."""
    rhythm = _rhythm(state, took, now)
    return next_poll(result, now, settings, rhythm=rhythm, failures=state.failures, spread=spread)


def after(state: FeedState, result: Outcome, took: Took, following: Next, now: datetime) -> FeedState:
    """What is known of a feed after a poll. Pure."""
    polled = msgspec.structs.replace(
        state,
        last_poll=now,
        next_poll=following.when,
        ended=following.reason if following.when is None else None,
    )
    if isinstance(result, Failed):
        error = f"{result.reason}: {result.detail}"[:500]
        return msgspec.structs.replace(polled, failures=state.failures + 1, last_error=error)
    polled = msgspec.structs.replace(polled, failures=0, last_success=now)
    if not isinstance(result, Fetched):
        return polled
    rhythm = _rhythm(state, took, now)
    hub, topic = offered(result, took) or (None, None)
    return msgspec.structs.replace(
        polled,
        etag=result.state.etag,
        last_modified=result.state.last_modified,
        moved_to=result.moved or state.moved_to,
        prints=took.prints[:PRINTS_MAX],
        gap_seconds=rhythm.gap_seconds,
        last_article=rhythm.last_article,
        articles=state.articles + took.tally.published,
        hub=hub,
        topic=topic,
    )


def with_pushes(state: FeedState, subscription: Subscription | None) -> FeedState:
    """The state with what was pushed since the last poll. Pure."""
    if subscription is None or subscription.articles == state.pushed:
        return state
    new = max(0, subscription.articles - state.pushed)
    when = datetime.fromtimestamp(subscription.pushed, UTC)
    rhythm = arrived(Rhythm(state.gap_seconds, state.last_article), new, (), when)
    return msgspec.structs.replace(
        state,
        pushed=subscription.articles,
        articles=state.articles + new,
        gap_seconds=rhythm.gap_seconds,
        last_article=rhythm.last_article,
    )


def agreement(state: FeedState, result: Outcome, took: Took, subscription: Subscription | None, now: datetime) -> int:
    """How many polls in a row found nothing that the hub had not pushed before. Pure."""
    if isinstance(result, Failed) or took.new or subscription is None or not subscription.live(now.timestamp()):
        return 0
    return state.agreed + 1


def _rhythm(state: FeedState, took: Took, now: datetime) -> Rhythm:
    return arrived(Rhythm(state.gap_seconds, state.last_article), took.new, took.published, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Polls feeds. ``on_visit`` is told of every poll; without ``subscriber`` nothing is ever pushed."""

    intake: Intake
    board: Board
    on_visit: Callable[[Visit], None]
    subscriber: Subscriber | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def settings(self) -> Settings:
        return self.intake.settings

    async def visit(self, held: Held) -> Visit:
        """Poll one feed that was taken from the board, and give it back. Raises StoreUnavailable."""
        subscription = await self.subscriber.find(held.state) if self.subscriber else None
        state = with_pushes(held.state, subscription)
        conditional = Conditional(state.etag, state.last_modified)
        result: Outcome = await self.intake.fetcher.fetch(state.moved_to or state.url, conditional)
        took = Took()
        if isinstance(result, Fetched):
            try:
                # Pages may be slow: who still works on a feed when its lease ends is not alone with it.
                async with asyncio.timeout(self.settings.feed_lease_seconds * _LEASE_SHARE):
                    took = await self.intake.take(held.listing, result, self.clock(), state.prints)
            except TimeoutError:
                result = Failed("timeout", "reading its articles took too long")
            except Rejected as rejected:
                result = Failed("not-a-feed", str(rejected))
            except BrokerUnavailable as error:
                result = Failed("broker-unavailable", str(error))
        now = self.clock()
        # Jitter needs no secrets.
        following = learnt(state, result, took, now, self.settings, random.random())  # noqa: S311
        agreed = agreement(state, result, took, subscription, now)
        following = stretched(following, subscription, agreed, now, self.settings)
        kept = msgspec.structs.replace(after(state, result, took, following, now), agreed=agreed)
        if self.subscriber:
            kept = await self.subscriber.tend(kept, subscription, now)
        await self.board.give(kept, health(kept, now).word)
        self.intake.metrics.feed_fetches.labels(_label(result)).inc()
        visit = Visit(state.url, result, took.tally, took.items, following)
        self.on_visit(visit)
        return visit


def _label(result: Outcome) -> str:
    if isinstance(result, Failed):
        return result.reason
    return "fetched" if isinstance(result, Fetched) else "not-modified"
