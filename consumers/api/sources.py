"""``GET /v1/sources`` and the page ``/sources``: how every feed is, and since when."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from consumers.api.answers import json
from consumers.api.backend import Backend
from consumers.api.gate import READS
from consumers.api.schemas import documented
from consumers.api.sources_page import POLICY, render
from consumers.source_health import Sources, sources
from wirewatch.feed_state import FeedKeys, HealthWord, read_listings, read_states
from wirewatch.push_state import PushKeys, read_subscriptions


def router(backend: Backend) -> APIRouter:
    """The endpoint and the page, over this backend."""
    routes = APIRouter(tags=["sources"], dependencies=[READS])

    def read(now: datetime) -> Sources:
        client, prefix = backend.client, backend.settings.redis_prefix
        listings = read_listings(client, FeedKeys(prefix))
        states = read_states(client, FeedKeys(prefix), [each.url for each in listings])
        pushed = read_subscriptions(client, PushKeys(prefix), [state.push for state in states if state.push])
        return sources(listings, states, pushed, now)

    @routes.get("/v1/sources", responses=documented(Sources, "Every listed feed, the worst first.", 503))
    def list_sources() -> Response:
        """How every listed feed is: last success, last article, last error, its own rhythm.

        `silent`: it answers, and brings less than its own rhythm; `failing`: three failures in a row or
        more, or never an answer.
        """
        return json(read(datetime.now(UTC)))

    @routes.get("/sources", include_in_schema=False)
    def page(health: HealthWord | None = None) -> Response:
        now = datetime.now(UTC)
        text = render(read(now), now, only=health)
        return Response(text, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})

    return routes
