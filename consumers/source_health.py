"""How the listed feeds are, as the API tells it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from wirewatch.feed_state import FeedState, HealthWord, Listing, health
from wirewatch.push_state import Subscription

HEALTH_ORDER: tuple[HealthWord, ...] = ("failing", "silent", "ended", "new", "ok")
"""The worst first."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A listed feed. ``gap_seconds``: its own rhythm; ``failures``: in a row; ``articles``: over its whole life.

    ``pushed_by``: the hub that has promised to push it to us (WebSub).
    """

    url: str
    title: str
    categories: tuple[str, ...]
    health: HealthWord
    detail: str
    last_poll: datetime | None
    last_success: datetime | None
    last_article: datetime | None
    last_error: str | None
    next_poll: datetime | None
    gap_seconds: float | None
    failures: int
    articles: int
    moved_to: str | None
    pushed_by: str | None


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Every listed feed, the worst first."""

    sources: tuple[Source, ...]


def sources(
    listings: Sequence[Listing],
    states: Sequence[FeedState],
    subscriptions: Mapping[str, Subscription],
    now: datetime,
) -> Sources:
    """Listings and their states, in the same order, with the subscriptions by their ids, as one answer."""
    found = [_source(listing, state, subscriptions, now) for listing, state in zip(listings, states, strict=True)]
    return Sources(sources=tuple(sorted(found, key=lambda each: (HEALTH_ORDER.index(each.health), each.url))))


def _source(listing: Listing, state: FeedState, subscriptions: Mapping[str, Subscription], now: datetime) -> Source:
    how = health(state, now)
    subscription = subscriptions.get(state.push or "")
    return Source(
        url=listing.url,
        title=listing.title,
        categories=listing.categories,
        health=how.word,
        detail=how.detail,
        last_poll=state.last_poll,
        last_success=state.last_success,
        last_article=state.last_article,
        last_error=state.last_error,
        next_poll=state.next_poll,
        gap_seconds=state.gap_seconds,
        failures=state.failures,
        articles=state.articles,
        moved_to=state.moved_to,
        pushed_by=subscription.hub if subscription and subscription.live(now.timestamp()) else None,
    )
