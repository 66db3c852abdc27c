"""``/websub/{id}``: where hubs verify our subscriptions, and push what is new in feeds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from producers.feeds.fetch import Conditional, Fetched
from producers.feeds.intake import Intake
from producers.feeds.subscriptions import Subscriptions
from producers.feeds.websub import CALLBACK_PATH, lease_seconds, signed
from wirewatch import request_body
from wirewatch.errors import Rejected
from wirewatch.feed_state import FeedKeys, Listing, decode_listing
from wirewatch.metrics import Metrics
from wirewatch.push_state import Subscription
from wirewatch.redis_client import AsyncClient, answers
from wirewatch.settings import Settings

CHALLENGE_CHARS_MAX = 4_000
ID_CHARS_MAX = 100
_REASON_CHARS_MAX = 200


def router(intake: Intake, client: AsyncClient, settings: Settings, metrics: Metrics) -> APIRouter:
    """The routes, over what pollers keep in the Redis of ``client``; the caller closes everything."""
    hubs = _Hubs(intake, client, Subscriptions(client, settings), settings, metrics)
    routes = APIRouter(tags=["websub"])
    path = CALLBACK_PATH + "{subscription_id}"
    routes.add_api_route(path, hubs.verify, methods=["GET"], response_class=Response, summary="For hubs: verify")
    routes.add_api_route(path, hubs.receive, methods=["POST"], response_class=Response, summary="For hubs: push")
    return routes


@dataclass(frozen=True, slots=True)
class _Hubs:
    intake: Intake
    client: AsyncClient
    subscriptions: Subscriptions
    settings: Settings
    metrics: Metrics

    async def verify(self, subscription_id: str, request: Request) -> Response:
        """The challenge, when it was us who asked for this; else 404."""
        asked = request.query_params
        mode, challenge = asked.get("hub.mode"), asked.get("hub.challenge", "")
        subscription = await self._find(subscription_id)
        if subscription is None or asked.get("hub.topic") != subscription.topic:
            return _nothing(404)
        if mode == "denied":
            await self.subscriptions.denied(subscription.id, asked.get("hub.reason", "denied")[:_REASON_CHARS_MAX])
            return _nothing(200)
        if mode != subscription.mode or not 0 < len(challenge) <= CHALLENGE_CHARS_MAX:
            return _nothing(404)
        if mode == "subscribe":
            lease = lease_seconds(asked.get("hub.lease_seconds"))
            await self.subscriptions.verified(subscription.id, time.time(), lease)
        else:
            await self.subscriptions.forget(subscription.id)
        # As text, so that no browser ever runs what a stranger had us say.
        return Response(challenge, media_type="text/plain")

    async def receive(self, subscription_id: str, request: Request) -> Response:
        """202 for what is taken, and for what nobody signed, which is then ignored; 410 where nothing is expected."""
        subscription = await self._find(subscription_id)
        if subscription is None or subscription.mode != "subscribe":
            return self._said(410, "unknown")
        try:
            body = await request_body.read(request, self.settings.fetch_bytes_max)
        except ClientDisconnect:
            body = b""  # nobody reads the answer, and nothing was signed like that
        if body is None:
            return self._said(413, "too-large")
        if not signed(body, subscription.secret, request.headers.get("x-hub-signature")):
            return self._said(202, "forged")
        listing = await self._listing(subscription.feed)
        if listing is None:
            return self._said(410, "unlisted")
        try:
            articles = await self._take(subscription, listing, body, request.headers.get("content-type"))
        except Rejected as rejected:
            # To send it again would not help; the next poll sees what the feed holds.
            return self._said(202, rejected.reason)
        await self.subscriptions.pushed(subscription.id, time.time(), articles)
        return self._said(202, "taken")

    async def _take(self, subscription: Subscription, listing: Listing, body: bytes, content_type: str | None) -> int:
        document = Fetched(subscription.topic, body, content_type, Conditional())
        took = await self.intake.take(listing, document, datetime.now(UTC), rejects=False)
        return took.new

    async def _find(self, id_: str) -> Subscription | None:
        return await self.subscriptions.find(id_) if len(id_) <= ID_CHARS_MAX else None

    async def _listing(self, url: str) -> Listing | None:
        with answers():
            found = await self.client.hget(FeedKeys(self.settings.redis_prefix).listed, url)
        return None if found is None else decode_listing(url, found)

    def _said(self, status: int, outcome: str) -> Response:
        self.metrics.pushes.labels(outcome).inc()
        return _nothing(status)


def _nothing(status: int) -> Response:
    return Response(status_code=status, headers={"Connection": "close"} if status == 413 else None)
