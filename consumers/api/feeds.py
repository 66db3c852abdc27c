"""Alerts for feed readers: all of them, or those of a rule, as Atom and as JSON Feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response

from consumers.alert_feed import read_page
from consumers.api.answers import encoded
from consumers.api.backend import Backend
from consumers.api.gate import SUBSCRIBES
from consumers.api.parameters import FeedQuery, RuleFeedQuery
from consumers.api.schemas import Responses, reference, refusals
from consumers.api.syndication import ATOM, JSON_FEED, Feed, JsonFeed, atom, json_feed
from consumers.api.tagged import tagged_bytes
from wirewatch.records import Alert

RuleId = Annotated[str, Path(max_length=200, description="`id` of a rule.")]
_NOT_MODIFIED: Responses = {304: {"description": "It is still what If-None-Match names."}}
_REFUSED = refusals(401, 403, 422, 429, 503)
_AS_ATOM: Responses = {
    200: {"description": "Atom, the newest first.", "content": {ATOM: {"schema": {"type": "string"}}}},
    **_NOT_MODIFIED,
    **_REFUSED,
}
_AS_JSON: Responses = {
    200: {"description": "JSON Feed 1.1, the newest first.", "content": {JSON_FEED: {"schema": reference(JsonFeed)}}},
    **_NOT_MODIFIED,
    **_REFUSED,
}
_LETS_READERS_IN = "A reader that sends no headers may put a token with the role `read` into the address: `?token=`."


def router(backend: Backend) -> APIRouter:
    """The endpoints, over this backend."""
    routes = APIRouter(tags=["feeds"], dependencies=[SUBSCRIBES])

    def read(query: RuleFeedQuery, rule: str | None) -> Sequence[Alert]:
        wanted = query.wanted(rule)
        page = read_page(backend.client, backend.keys, wanted, limit=query.limit)
        return [each.alert for each in page.alerts]

    def as_atom(request: Request, query: RuleFeedQuery, rule: str | None, path: str) -> Response:
        return tagged_bytes(request, atom(_feed(request, rule, path), read(query, rule)), ATOM)

    def as_json(request: Request, query: RuleFeedQuery, rule: str | None, path: str) -> Response:
        content = encoded(json_feed(_feed(request, rule, path), read(query, rule)))
        return tagged_bytes(request, content, JSON_FEED)

    @routes.get("/v1/alerts.atom", responses=_AS_ATOM, response_class=Response, description=_LETS_READERS_IN)
    def alerts_atom(query: Annotated[FeedQuery, Query()], request: Request) -> Response:
        return as_atom(request, query, query.rule, "v1/alerts.atom")

    @routes.get("/v1/alerts.json", responses=_AS_JSON, response_class=Response, description=_LETS_READERS_IN)
    def alerts_json_feed(query: Annotated[FeedQuery, Query()], request: Request) -> Response:
        return as_json(request, query, query.rule, "v1/alerts.json")

    @routes.get("/v1/rules/{rule_id}/alerts.atom", responses=_AS_ATOM, description=_LETS_READERS_IN)
    def rule_alerts_atom(rule_id: RuleId, query: Annotated[RuleFeedQuery, Query()], request: Request) -> Response:
        return as_atom(request, query, rule_id, f"{_of(rule_id)}.atom")

    @routes.get("/v1/rules/{rule_id}/alerts.json", responses=_AS_JSON, description=_LETS_READERS_IN)
    def rule_alerts_json_feed(rule_id: RuleId, query: Annotated[RuleFeedQuery, Query()], request: Request) -> Response:
        return as_json(request, query, rule_id, f"{_of(rule_id)}.json")

    return routes


def _of(rule_id: str) -> str:
    return f"v1/rules/{quote(rule_id, safe='')}/alerts"


def _feed(request: Request, rule: str | None, path: str) -> Feed:
    # Without the query: it may hold a token.
    home = str(request.base_url)
    return Feed(address=home + path, home=home, rule=rule)
