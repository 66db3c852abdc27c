"""Pollers, the list of feeds and hubs' pushes need no more of Redis than the shipped ACL file gives their user."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec

from producers.feeds.board import RedisBoard
from producers.feeds.subscriptions import Subscriptions
from producers.feeds.websub import new_subscription
from tests.secured_redis import SecuredRedis
from wirewatch.feed_state import FeedKeys, FeedState, Listing, list_feeds, read_listings, read_states, unlist_feeds
from wirewatch.push_state import PushKeys, read_subscriptions
from wirewatch.redis_client import AsyncClient, address, connect, connect_async
from wirewatch.settings import Settings, load

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)
URLS = [f"https://e.example/{n}" for n in range(4)]
KEYS = FeedKeys(Settings().redis_prefix)


def url_of(redis: SecuredRedis, user: str) -> str:
    return address(
        load(redis_url=redis.address(user), redis_ssl_cafile=str(redis.certificates.authority) if redis.tls else "")
    )


async def _poll(client: AsyncClient) -> None:
    settings = Settings()
    board, subscriptions = RedisBoard(client, settings), Subscriptions(client, settings)
    ended, other, third, fourth = await board.take(NOW, 9)
    assert await board.admit(ended, "e.example", NOW)
    await board.give(msgspec.structs.replace(ended.state, ended="gone"), "ended")
    await board.postpone(other, NOW + timedelta(seconds=5))
    assert await board.seconds_to_next(NOW) == 5
    assert list(await board.census()) == ["ended"]
    await board.remember([("id", "hash:1")])
    assert await board.published(["id"]) == ["hash:1"]
    state = FeedState(url=third.listing.url, hub="https://hub.example/", topic=third.listing.url)
    subscription = new_subscription(state)
    await subscriptions.add(subscription)
    await subscriptions.asked(subscription, NOW.timestamp())
    await subscriptions.verified(subscription.id, NOW.timestamp(), 60)
    await subscriptions.pushed(subscription.id, NOW.timestamp(), 2)
    await subscriptions.denied(subscription.id, "no")
    assert await subscriptions.find(subscription.id)
    kept = msgspec.structs.replace(state, push=subscription.id, next_poll=NOW)
    await board.give(kept, "ok")
    await board.give(msgspec.structs.replace(fourth.state, next_poll=NOW), "ok")
    forgotten = new_subscription(state)
    await subscriptions.add(forgotten)
    await subscriptions.forget(forgotten.id)


def test_the_user_of_feeds_can_do_all_the_work_of_feeds_and_that_of_the_api_can_read_it(
    secured_redis: SecuredRedis,
) -> None:
    client = connect(url_of(secured_redis, "feeds"))
    assert list_feeds(client, KEYS, [Listing(url=url) for url in URLS], NOW) == 4

    async def work() -> None:
        remote = connect_async(url_of(secured_redis, "feeds"))
        await _poll(remote)
        await remote.aclose()

    async def leave() -> list[str]:
        remote = connect_async(url_of(secured_redis, "feeds"))
        found = await Subscriptions(remote, Settings()).leaving()
        await remote.aclose()
        return found

    asyncio.run(work())
    api = connect(url_of(secured_redis, "api"))
    listings = read_listings(api, KEYS)
    states = read_states(api, KEYS, [listing.url for listing in listings])
    ids = [state.push for state in states if state.push]
    assert list(read_subscriptions(api, PushKeys(KEYS.prefix), ids)) == ids != []
    assert unlist_feeds(client, KEYS, URLS) == 4
    assert asyncio.run(leave()) == ids
    for each in (client, api):
        each.close()
