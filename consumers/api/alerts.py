"""``GET /v1/alerts``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from consumers.alert_feed import read_page
from consumers.api.answers import AlertItem, AlertPage, documented, json
from consumers.api.backend import Backend
from consumers.api.gate import READS
from consumers.api.parameters import AlertQuery


def router(backend: Backend) -> APIRouter:
    """The endpoint, over this backend."""
    routes = APIRouter(tags=["alerts"], dependencies=[READS])

    @routes.get("/v1/alerts", responses=documented(AlertPage, "Alerts, newest first.", 422, 503))
    def alerts(query: Annotated[AlertQuery, Query()]) -> Response:
        """Alerts, newest first. With `next` of one page as `cursor` of the next request you read on.

        A page may hold fewer than `limit`, even none, and still name a next one.
        """
        page = read_page(
            backend.client,
            backend.keys,
            query.wanted(),
            limit=query.limit,
            since=query.since,
            before=query.cursor,
        )
        items = tuple(AlertItem(cursor=fed.cursor, **msgspec.structs.asdict(fed.alert)) for fed in page.alerts)
        return json(AlertPage(alerts=items, next=page.before))

    return routes
