"""What is known of every feed, and where Redis keeps it: written by the pollers, read by the API.

    ww:{feeds}:list      hash    address → Listing (JSON): the feeds that are polled
    ww:{feeds}:due       zset    address → when it is due; while a poller holds it: until when it may hold it
    ww:{feeds}:host:<h>  zset    address → until when it is polled at most: the polls of one host that are under way
    ww:{feeds}:health    hash    address → the word of its health at its last poll
    ww:feed:<digest>     string  FeedState (JSON), one key a feed, so that a Redis Cluster spreads them
    ww:article:<id>      string  content digest and revision of an article that was published; expires

Times are aware datetimes in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from wirewatch.push_state import PushKeys
from wirewatch.redis_client import Client, answers

HealthWord = Literal["ok", "new", "silent", "failing", "ended"]
HEALTH_WORDS: tuple[HealthWord, ...] = ("ok", "new", "silent", "failing", "ended")

FAILING_AFTER = 3
"""Failures in a row that make a feed a failing one: servers restart, and one failure is no news."""
SILENT_GAPS = 4
SILENT_LEAST = timedelta(hours=12)
"""Newsrooms sleep: a feed that brings ten articles an hour by day may bring none by night."""
_READ_AT_ONCE = 500


class Listing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A feed as the user listed it. ``full_text``: read the article's page where the feed has only a summary."""

    url: str
    title: str = ""
    home: str | None = None
    categories: tuple[str, ...] = ()
    full_text: bool = False


class FeedState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is remembered of a feed between two polls."""

    url: str
    moved_to: str | None = None
    """Where permanent redirects led: this address is asked."""
    etag: str | None = None
    last_modified: str | None = None
    prints: tuple[str, ...] = ()
    """Digests of the items that the document held last time."""
    failures: int = 0
    """In a row."""
    gap_seconds: float | None = None
    """Its own rhythm: the expected time between two articles."""
    last_poll: datetime | None = None
    last_success: datetime | None = None
    last_article: datetime | None = None
    last_error: str | None = None
    next_poll: datetime | None = None
    ended: str | None = None
    """Why it is never polled again."""
    articles: int = 0
    """Published over its whole life."""
    hub: str | None = None
    """Where the feed says that one can subscribe to it (WebSub), and ``topic``: by which address."""
    topic: str | None = None
    push: str | None = None
    """Id of its subscription; see ``push_state``."""
    pushed: int = 0
    """How many articles of that are counted in ``articles``."""
    agreed: int = 0
    """Polls in a row that found nothing which had not been pushed."""


@dataclass(frozen=True, slots=True)
class Health:
    """A fixed word, and a sentence for people."""

    word: HealthWord
    detail: str


def health(state: FeedState, now: datetime) -> Health:
    """How a feed is at ``now``: the gravest that applies."""
    if state.ended:
        return Health("ended", f"not polled any more: {state.ended}")
    # One that has never answered may be a wrong address: whoever put it on the list is to see that at once.
    if state.failures >= (FAILING_AFTER if state.last_success else 1):
        times = "1 failure" if state.failures == 1 else f"{state.failures} failures in a row, the last"
        return Health("failing", f"{times}: {state.last_error or 'unknown'}")
    if state.last_success is None or state.last_article is None:
        return Health("new", "no article yet")
    since = now - state.last_article
    expected = timedelta(seconds=state.gap_seconds or 0)
    if since > max(SILENT_LEAST, SILENT_GAPS * expected):
        return Health("silent", f"no article for {spoken(since)}; its rhythm is one in {spoken(expected)}")
    return Health("ok", f"an article {spoken(since)} ago")


def spoken(length: timedelta) -> str:
    """A length of time for people, in its largest unit."""
    seconds = max(0, int(length.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@dataclass(frozen=True, slots=True)
class FeedKeys:
    """Names keys below a prefix."""

    prefix: str

    @property
    def listed(self) -> str:
        return f"{self.prefix}:{{feeds}}:list"

    @property
    def due(self) -> str:
        return f"{self.prefix}:{{feeds}}:due"

    @property
    def health(self) -> str:
        return f"{self.prefix}:{{feeds}}:health"

    def host(self, host: str) -> str:
        return f"{self.prefix}:{{feeds}}:host:{host}"

    def state(self, url: str) -> str:
        return f"{self.prefix}:feed:{hashlib.sha256(url.encode()).hexdigest()[:32]}"

    def article(self, article_id: str) -> str:
        return f"{self.prefix}:article:{article_id}"


def decode_state(url: str, data: str | None) -> FeedState:
    """The state as it was stored; an empty one where there is none, or one that an older version wrote otherwise."""
    if data:
        try:
            return msgspec.json.decode(data, type=FeedState)
        except msgspec.MsgspecError:
            return FeedState(url=url)
    return FeedState(url=url)


def encode(record: msgspec.Struct) -> str:
    """JSON text."""
    return msgspec.json.encode(record).decode()


def decode_listing(url: str, data: str) -> Listing:
    """The listing as it was stored. One that cannot be read is a bare one: the address is all that polling needs."""
    try:
        return msgspec.json.decode(data, type=Listing)
    except msgspec.MsgspecError:
        return Listing(url=url)


def read_listings(client: Client, keys: FeedKeys) -> list[Listing]:
    """All listed feeds, by address. Raises StoreUnavailable."""
    with answers():
        found = client.hgetall(keys.listed)
    return [decode_listing(url, found[url]) for url in sorted(found)]


def read_states(client: Client, keys: FeedKeys, urls: Iterable[str]) -> list[FeedState]:
    """The state of each, in order. Raises StoreUnavailable."""
    asked = list(urls)
    states: list[FeedState] = []
    for start in range(0, len(asked), _READ_AT_ONCE):
        part = asked[start : start + _READ_AT_ONCE]
        with answers():
            # Not a transaction, and not MGET: the keys live on different nodes of a cluster.
            pipeline: Any = client.pipeline(transaction=False)
            for url in part:
                pipeline.get(keys.state(url))
            found = pipeline.execute()
        states += [decode_state(url, data) for url, data in zip(part, found, strict=True)]
    return states


def list_feeds(client: Client, keys: FeedKeys, listings: Iterable[Listing], now: datetime) -> int:
    """Put feeds on the list, due at once if they are new; returns how many are new. Repeating is safe.

    What is on it already stays as it is: one that has ended stays ended until it is taken off the list.
    """
    new = 0
    for listing in listings:
        with answers():
            if not client.hexists(keys.listed, listing.url):
                # In this order: what is listed is due, also after a crash in between.
                client.delete(keys.state(listing.url))
                client.zadd(keys.due, {listing.url: now.timestamp()}, nx=True)
            new += client.hset(keys.listed, listing.url, encode(listing))
    return new


def unlist_feeds(client: Client, keys: FeedKeys, urls: Iterable[str]) -> int:
    """Take feeds off the list and forget their state; returns how many were on it. Raises StoreUnavailable."""
    gone = 0
    for url in urls:
        with answers():
            state = decode_state(url, client.get(keys.state(url)))
            if state.push:
                client.sadd(PushKeys(keys.prefix).leaving, state.push)
            gone += client.hdel(keys.listed, url)
            client.zrem(keys.due, url)
            client.hdel(keys.health, url)
            client.delete(keys.state(url))
    return gone
