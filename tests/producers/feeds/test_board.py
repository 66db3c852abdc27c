"""The shared list in a real Redis: who gets a feed, and what is remembered of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from producers.feeds.board import RedisBoard
from wirewatch.errors import StoreUnavailable
from wirewatch.feed_state import FeedKeys, FeedState, Listing, encode, list_feeds, read_states, unlist_feeds
from wirewatch.redis_client import Client, connect, connect_async
from wirewatch.settings import Settings

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)
SETTINGS = Settings(feed_lease_seconds=600)
KEYS = FeedKeys(SETTINGS.redis_prefix)
LISTINGS = [Listing(url=f"https://e.example/{n}", full_text=n == 1) for n in range(20)]
LATER = NOW + timedelta(seconds=601)


def with_board(url: str, work: Callable[[RedisBoard], Awaitable[None]]) -> None:
    async def run() -> None:
        client = connect_async(url)
        try:
            await work(RedisBoard(client, SETTINGS))
        finally:
            with suppress(OSError):
                await client.aclose()

    asyncio.run(run())


@pytest.fixture
def client(redis_url: str) -> Client:
    opened = connect(redis_url)
    list_feeds(opened, KEYS, LISTINGS, NOW)
    return opened


def test_many_pollers_get_each_feed_once_until_the_lease_ends(client: Client, redis_url: str) -> None:
    async def work(board: RedisBoard) -> None:
        taken = await asyncio.gather(*(board.take(NOW, 3) for _ in range(10)))
        urls = [held.listing.url for part in taken for held in part]
        assert sorted(urls) == sorted(listing.url for listing in LISTINGS)
        assert await board.take(NOW + timedelta(seconds=599), 99) == []
        # Whoever held them has died: they come back by themselves.
        assert len(await board.take(LATER, 99)) == len(LISTINGS)

    with_board(redis_url, work)


def test_what_was_given_back_is_known_after_a_restart(client: Client, redis_url: str) -> None:
    async def first(board: RedisBoard) -> None:
        for held in await board.take(NOW, 99):
            await board.give(msgspec.structs.replace(held.state, etag='"1"', next_poll=LATER), "ok")

    async def second(board: RedisBoard) -> None:
        assert await board.take(NOW, 99) == []
        assert await board.seconds_to_next(NOW) == 601
        held = await board.take(LATER, 99)
        assert {each.state.etag for each in held} == {'"1"'}
        assert [each.listing.url for each in held if each.listing.full_text] == ["https://e.example/1"]
        assert list(await board.census()) == ["ok"] * 20

    with_board(redis_url, first)
    with_board(redis_url, second)


def test_a_feed_that_ended_or_was_taken_off_the_list_does_not_come_back(client: Client, redis_url: str) -> None:
    async def work(board: RedisBoard) -> None:
        ended, removed, *others = await board.take(NOW, 99)
        unlist_feeds(client, KEYS, [removed.listing.url])
        await board.give(msgspec.structs.replace(ended.state, ended="gone", next_poll=None), "ended")
        await board.give(msgspec.structs.replace(removed.state, next_poll=LATER), "ok")
        await board.postpone(removed, LATER)
        assert len(await board.take(LATER, 99)) == len(others)
        assert list(await board.census()) == ["ended"]

    with_board(redis_url, work)


def test_a_feed_that_ended_as_its_poller_died_is_not_polled_again(client: Client, redis_url: str) -> None:
    [first, *_] = LISTINGS
    # The state was written, and nothing after it.
    client.set(KEYS.state(first.url), encode(FeedState(url=first.url, ended="gone")))

    async def work(board: RedisBoard) -> None:
        assert len(await board.take(NOW, 99)) == len(LISTINGS) - 1
        assert len(await board.take(LATER, 99)) == len(LISTINGS) - 1

    with_board(redis_url, work)
    assert list_feeds(client, KEYS, LISTINGS, LATER) == 0
    assert client.zscore(KEYS.due, first.url) is None
    # Taken off the list and listed anew it gets a chance.
    unlist_feeds(client, KEYS, [first.url])
    assert list_feeds(client, KEYS, [first], LATER) == 1
    with_board(redis_url, lambda board: _take_one(board, first.url))


async def _take_one(board: RedisBoard, url: str) -> None:
    assert [held.listing.url for held in await board.take(LATER, 99)] == [url]


def test_all_pollers_together_keep_the_limit_of_a_host(client: Client, redis_url: str) -> None:
    async def work(board: RedisBoard) -> None:
        other = RedisBoard(connect_async(redis_url), SETTINGS)
        held = await board.take(NOW, 9)
        assert [await board.admit(held[0], "e.example", NOW), await other.admit(held[1], "e.example", NOW)] == [
            True
        ] * 2
        assert not await board.admit(held[2], "e.example", NOW)
        assert await board.admit(held[2], "other.example", NOW)
        await board.give(msgspec.structs.replace(held[0].state, next_poll=LATER), "ok")
        assert await other.admit(held[3], "e.example", NOW)
        assert not await other.admit(held[4], "e.example", NOW)
        # Whoever held the others has died.
        assert await board.admit(held[4], "e.example", LATER)

    with_board(redis_url, work)


def test_importing_a_list_again_asks_for_nothing_twice(client: Client, redis_url: str) -> None:
    async def take(board: RedisBoard) -> None:
        await board.take(NOW, 99)

    with_board(redis_url, take)
    assert list_feeds(client, KEYS, LISTINGS, NOW) == 0

    async def nothing(board: RedisBoard) -> None:
        assert await board.take(NOW, 99) == []

    with_board(redis_url, nothing)


def test_a_published_article_is_remembered_and_forgotten_in_time(client: Client, redis_url: str) -> None:
    async def work(board: RedisBoard) -> None:
        assert list(await board.published(["a", "b"])) == [None, None]
        await board.remember([("a", "hash:1")])
        assert list(await board.published(["a", "b"])) == ["hash:1", None]

    with_board(redis_url, work)
    assert 0 < client.ttl(KEYS.article("a")) <= SETTINGS.feed_seen_hours * 3600


def test_a_state_that_cannot_be_read_starts_afresh(client: Client, redis_url: str) -> None:
    client.set(KEYS.state(LISTINGS[0].url), "{no json")
    assert read_states(client, KEYS, [LISTINGS[0].url]) == [FeedState(url=LISTINGS[0].url)]


def test_redis_away_is_told_as_such() -> None:
    async def work(board: RedisBoard) -> None:
        with pytest.raises(StoreUnavailable):
            await board.take(NOW, 1)

    with_board("redis://127.0.0.1:9/0", work)
