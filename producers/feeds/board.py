"""Which feeds are due, and what is known of each: in Redis, shared by all pollers, or in memory for one of them."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from wirewatch.feed_state import (
    FeedKeys,
    FeedState,
    HealthWord,
    Listing,
    decode_listing,
    decode_state,
    encode,
)
from wirewatch.redis_client import AsyncClient, answers
from wirewatch.settings import Settings


@dataclass(frozen=True, slots=True)
class Held:
    """A feed that this poller holds until it gives it back."""

    listing: Listing
    state: FeedState


class Board(Protocol):
    """Hands out feeds that are due. All methods may raise StoreUnavailable: nothing changed, or all of it did."""

    async def take(self, now: datetime, count_max: int) -> Sequence[Held]:
        """Feeds that are due, held by the caller alone until they are given back or the lease ends."""
        ...

    async def admit(self, held: Held, host: str, now: datetime) -> bool:
        """Whether it may be polled at once: not when as many feeds of its host are polled as are allowed."""
        ...

    async def give(self, state: FeedState, word: HealthWord) -> None:
        """Keep the state, and let the feed wait until ``state.next_poll``; for ever when it has ended."""
        ...

    async def postpone(self, held: Held, until: datetime) -> None:
        """Give a feed back that was not asked."""
        ...

    async def seconds_to_next(self, now: datetime) -> float | None:
        """Until one is due; None when there is none."""
        ...

    async def published(self, ids: Sequence[str]) -> Sequence[str | None]:
        """What ``remember`` was told about each article; None for what is unknown or long ago."""
        ...

    async def remember(self, articles: Iterable[tuple[str, str]]) -> None:
        """Keep a mark for each article id."""
        ...

    async def census(self) -> Sequence[HealthWord]:
        """The health word of every feed."""
        ...


@dataclass(slots=True)
class MemoryBoard:
    """The feeds of one poller, for as long as it runs. ``marks_max`` bounds what is remembered of articles."""

    listings: Sequence[Listing]
    host_max: int = 2
    marks_max: int = 100_000
    _due: list[tuple[datetime, int, Listing]] = field(default_factory=list)
    _states: dict[str, FeedState] = field(default_factory=dict)
    _words: dict[str, HealthWord] = field(default_factory=dict)
    _held: dict[str, Listing] = field(default_factory=dict)
    _hosts: dict[str, str] = field(default_factory=dict)
    _marks: dict[str, str] = field(default_factory=dict)
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        start = datetime.min.replace(tzinfo=UTC)
        self._due = [(start, next(self._order), listing) for listing in self.listings]

    async def take(self, now: datetime, count_max: int) -> Sequence[Held]:
        taken: list[Held] = []
        while self._due and self._due[0][0] <= now and len(taken) < count_max:
            listing = heapq.heappop(self._due)[2]
            self._held[listing.url] = listing
            taken.append(Held(listing, self._states.get(listing.url) or FeedState(url=listing.url)))
        return taken

    async def admit(self, held: Held, host: str, now: datetime) -> bool:  # noqa: ARG002  (nobody else is there)
        if list(self._hosts.values()).count(host) >= self.host_max:
            return False
        self._hosts[held.listing.url] = host
        return True

    async def give(self, state: FeedState, word: HealthWord) -> None:
        self._hosts.pop(state.url, None)
        self._states[state.url], self._words[state.url] = state, word
        listing = self._held.pop(state.url)
        if state.next_poll is not None:
            heapq.heappush(self._due, (state.next_poll, next(self._order), listing))

    async def postpone(self, held: Held, until: datetime) -> None:
        heapq.heappush(self._due, (until, next(self._order), self._held.pop(held.listing.url)))

    async def seconds_to_next(self, now: datetime) -> float | None:
        if not self._due:
            return None
        due = self._due[0][0]
        return 0.0 if due <= now else (due - now).total_seconds()

    async def published(self, ids: Sequence[str]) -> Sequence[str | None]:
        return [self._marks.get(each) for each in ids]

    async def remember(self, articles: Iterable[tuple[str, str]]) -> None:
        for article_id, mark in articles:
            self._marks.pop(article_id, None)
            self._marks[article_id] = mark
        while len(self._marks) > self.marks_max:
            del self._marks[next(iter(self._marks))]

    async def census(self) -> Sequence[HealthWord]:
        return list(self._words.values())


# Taking moves each feed to the end of its lease in the same step: no two pollers get it, and one that dies returns its
# feeds by doing nothing. One key, so that it runs on a Redis Cluster.
_TAKE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, feed in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], feed) end
return due
"""
# A poll that never ended counts until its lease ends.
_ADMIT = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[4])
redis.call('EXPIRE', KEYS[1], math.ceil(ARGV[2] - ARGV[1]))
return 1
"""
# What is kept of a feed that is on the list no more; every poll, at least one a day, starts the time again.
_STATE_SECONDS = 60 * 86_400


class RedisBoard:
    """The list in Redis, which any number of pollers work off. A feed is held for ``feed_lease_seconds``."""

    def __init__(self, client: AsyncClient, settings: Settings) -> None:
        self._client = client
        self._keys = FeedKeys(settings.redis_prefix)
        self._lease = timedelta(seconds=settings.feed_lease_seconds)
        self._seen_seconds = settings.feed_seen_hours * 3600
        self._host_max = settings.feed_host_connections
        self._take = client.register_script(_TAKE)
        self._admit = client.register_script(_ADMIT)
        self._hosts: dict[str, str] = {}

    async def take(self, now: datetime, count_max: int) -> Sequence[Held]:
        until = now + self._lease
        with answers():
            urls = await self._take([self._keys.due], [now.timestamp(), until.timestamp(), count_max])
            if not urls:
                return []
            listings = await self._client.hmget(self._keys.listed, urls)
            states = self._client.pipeline(transaction=False)
            for url in urls:
                states.get(self._keys.state(url))
            found = await states.execute()
            held = [
                Held(decode_listing(url, listing), decode_state(url, state))
                for url, listing, state in zip(urls, listings, found, strict=True)
                if listing is not None
            ]
            for each in held:
                if each.state.ended:  # its poller died between two words of ``give``
                    await self._client.zrem(self._keys.due, each.state.url)
        return [each for each in held if not each.state.ended]

    async def admit(self, held: Held, host: str, now: datetime) -> bool:
        url = held.listing.url
        key = self._keys.host(host)
        until = (now + self._lease).timestamp()
        with answers():
            admitted = bool(await self._admit([key], [now.timestamp(), until, self._host_max, url]))
        if admitted:
            self._hosts[url] = key
        return admitted

    async def give(self, state: FeedState, word: HealthWord) -> None:
        with answers():
            if key := self._hosts.pop(state.url, None):
                await self._client.zrem(key, state.url)
            # The state first: were the rest lost, the lease ends and the feed is asked again, politely.
            await self._client.set(self._keys.state(state.url), encode(state), ex=_STATE_SECONDS)
            if not await self._client.hexists(self._keys.listed, state.url):
                return  # taken off the list while it was polled
            if state.next_poll is None:
                await self._client.zrem(self._keys.due, state.url)
            else:
                await self._client.zadd(self._keys.due, {state.url: state.next_poll.timestamp()}, xx=True)
            await self._client.hset(self._keys.health, state.url, word)

    async def postpone(self, held: Held, until: datetime) -> None:
        with answers():
            # XX: a feed that was taken off the list meanwhile must not come back.
            await self._client.zadd(self._keys.due, {held.listing.url: until.timestamp()}, xx=True)

    async def seconds_to_next(self, now: datetime) -> float | None:
        with answers():
            first = await self._client.zrange(self._keys.due, 0, 0, withscores=True)
        return max(0.0, first[0][1] - now.timestamp()) if first else None

    async def published(self, ids: Sequence[str]) -> Sequence[str | None]:
        with answers():
            marks = self._client.pipeline(transaction=False)
            for each in ids:
                marks.get(self._keys.article(each))
            found: list[str | None] = await marks.execute() if ids else []
        return found

    async def remember(self, articles: Iterable[tuple[str, str]]) -> None:
        told = list(articles)
        if not told:
            return
        with answers():
            marks = self._client.pipeline(transaction=False)
            for article_id, mark in told:
                marks.set(self._keys.article(article_id), mark, ex=self._seen_seconds)
            await marks.execute()

    async def census(self) -> Sequence[HealthWord]:
        with answers():
            words: list[HealthWord] = await self._client.hvals(self._keys.health)
        return words
