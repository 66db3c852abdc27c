"""``POST /v1/articles``: articles over HTTP, acknowledged only when the broker has acknowledged them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from starlette.requests import ClientDisconnect

from producers.accept import Item, Piece, RawArticle, outcome
from producers.formats import Format, own_form
from producers.ingest_access import Token, configured_tokens
from producers.publish import confirm, count, send
from wirewatch import request_body
from wirewatch.broker import Producer
from wirewatch.errors import BrokerUnavailable, Rejected, UserError
from wirewatch.metrics import Metrics
from wirewatch.rate_limit import RateLimit
from wirewatch.settings import Settings
from wirewatch.token_entries import find

STAGE = "ingest"
ITEMS_MAX = 1000
RETRY_SECONDS = 5
_FORMATS = {
    "application/json": Format.JSON,
    "application/jsonl": Format.JSONL,
    "application/x-ndjson": Format.JSONL,
    "application/ndjson": Format.JSONL,
}
_CLOSED = "HTTP ingest is closed: `wirewatch tokens new SOURCE` makes a token and says how to let it in"


class ItemReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one article; ``index`` counts from 0 in the order of the request."""

    index: int
    status: str
    id: str | None = None
    reason: str | None = None
    detail: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """What became of a request's articles. The rejected ones are kept in the dead letters."""

    accepted: int
    items: tuple[ItemReply, ...]


class Problem(msgspec.Struct, frozen=True):
    """Why nothing of the request was taken: a fixed word, and a sentence for people."""

    reason: str
    detail: str


class _RefusedError(Exception):
    """Ends a request with an answer other than the normal one."""

    def __init__(self, status: int, reason: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.answer = _json(status, Problem(reason, detail), headers)


def router(broker_producer: Producer, settings: Settings, metrics: Metrics) -> APIRouter:
    """The route, ready to be included in an application; the topics must exist. The caller closes the producer.

    Raises UserError for tokens in the settings that are not hashed.
    """
    ingest = _Ingest(
        broker_producer,
        settings,
        metrics,
        configured_tokens(settings),
        RateLimit(settings.ingest_articles_per_minute),
    )
    routes = APIRouter()
    routes.add_api_route(
        "/v1/articles",
        ingest.publish_articles,
        methods=["POST"],
        status_code=202,
        response_class=Response,
        summary="Publish articles",
        responses=_RESPONSES,
        openapi_extra={"requestBody": _BODY},
        # For the OpenAPI document alone; the route checks the token itself, in constant time.
        dependencies=[Security(HTTPBearer(auto_error=False))],
    )
    return routes


@dataclass(frozen=True, slots=True)
class _Ingest:
    producer: Producer
    settings: Settings
    metrics: Metrics
    tokens: tuple[Token, ...]
    rate: RateLimit

    async def publish_articles(self, request: Request) -> Response:
        """One article or a list as JSON, or one per line as JSON Lines.

        202: everything valid is acknowledged by all in-sync replicas of the broker; the reply tells of each item.
        Sending the same article again is safe: its id is the same, and it counts once.
        """
        try:
            token = self._authorised(request)
            format_ = _format(request)
            body = await self._body(request)
            origin = f"{token.name}@{request.client.host if request.client else 'unknown'}"
            # In a thread: parsing takes the CPU, and the broker's answer takes time; other requests go on meanwhile.
            return await run_in_threadpool(self._take, body, format_, token, origin)
        except _RefusedError as refused:
            return refused.answer

    def _authorised(self, request: Request) -> Token:
        if not self.tokens:
            raise _RefusedError(403, "closed", _CLOSED)
        token = find(self.tokens, request.headers.get("authorization"))
        if token is None:
            detail = "send the header Authorization: Bearer TOKEN, with a token whose hash the server has"
            raise _RefusedError(401, "unauthorised", detail, {"WWW-Authenticate": 'Bearer realm="wirewatch"'})
        return token

    async def _body(self, request: Request) -> bytes:
        """The body; refused when it is too large."""
        bytes_max = self.settings.ingest_bytes_max
        length = request.headers.get("content-length", "")
        if length.isdigit() and len(length) < 20 and int(length) > bytes_max:
            raise _too_large(bytes_max)
        try:
            body = await request_body.read(request, bytes_max)
        except ClientDisconnect:
            # Nobody reads this answer; the server has said why it hung up, if it was the server.
            raise _RefusedError(400, "incomplete", "the body ended too early") from None
        if body is None:
            raise _too_large(bytes_max)
        return body

    def _take(self, body: bytes, format_: Format, token: Token, origin: str) -> Response:
        read = own_form(io.BytesIO(body), format_, self.settings.ingest_bytes_max)
        articles_max = min(ITEMS_MAX, self.rate.per_minute)
        # No further: a megabyte can hold a list of half a million.
        found = list(itertools.islice(read, articles_max + 1))
        if len(found) > articles_max:
            raise _RefusedError(413, "too-many-articles", f"send at most {articles_max:,} articles at once")
        self._check_amount(token, len(found))
        pieces_ = [piece for piece in found if isinstance(piece, Piece)]
        items = [self._item(piece, n, token, origin) for n, piece in enumerate(pieces_)]
        try:
            confirm(self.producer, [send(item, self.producer, stage=STAGE) for item in items])
        except (BrokerUnavailable, UserError) as error:
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise _RefusedError(503, "broker-unavailable", f"{error}; send it again later", headers) from error
        rejections = count(items, stage=STAGE, metrics=self.metrics)
        accepted = len(items) - rejections
        return _json(202 if accepted else 422, Reply(accepted, tuple(map(_item_reply, range(len(items)), items))))

    def _check_amount(self, token: Token, articles: int) -> None:
        if articles == 0:
            raise _RefusedError(422, "empty", "there is no article in the request")
        wait = self.rate.take(token.name, articles).wait
        if wait is not None:
            detail = f"more than {self.rate.per_minute:,} articles in a minute"
            raise _RefusedError(429, "too-many-requests", detail, {"Retry-After": str(wait)})

    def _item(self, piece: Piece, index: int, token: Token, origin: str) -> Item:
        accepted = outcome(
            piece.raw,
            now=datetime.now(UTC),
            article_bytes_max=self.settings.article_bytes_max,
            source=token.source,
            fetched_from=STAGE,
        )
        return Item(f"{origin}#{index}", accepted, piece.original)


def _format(request: Request) -> Format:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _FORMATS:
        raise _RefusedError(415, "media-type", f"send one of: {', '.join(_FORMATS)}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise _RefusedError(415, "content-encoding", "send the body without Content-Encoding")
    return _FORMATS[media_type]


def _too_large(bytes_max: int) -> _RefusedError:
    # Hanging up is what stops the rest of the body from coming.
    headers = {"Connection": "close"}
    return _RefusedError(413, "too-large", f"send at most {bytes_max:,} bytes in a request", headers)


def _item_reply(index: int, item: Item) -> ItemReply:
    if isinstance(item.outcome, Rejected):
        return ItemReply(index, "rejected", reason=item.outcome.reason, detail=item.outcome.detail)
    return ItemReply(index, "accepted", id=item.outcome.id)


def _json(status: int, body: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def _schemas(types: Sequence[type[msgspec.Struct]]) -> dict[str, dict[str, Any]]:
    """JSON schemas by type name, each complete in itself (the names of OpenAPI's components are the application's)."""
    _, components = msgspec.json.schema_components(types, ref_template="{name}")
    if "ItemReply" in components:
        components["Reply"]["properties"]["items"]["items"] = components["ItemReply"]
    return components


_SCHEMAS = _schemas([RawArticle, Reply, Problem])
_ARTICLE = _SCHEMAS["RawArticle"]
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"oneOf": [_ARTICLE, {"type": "array", "items": _ARTICLE}]}},
        "application/x-ndjson": {"schema": _ARTICLE},
        "application/jsonl": {"schema": _ARTICLE},
    },
}


def _response(description: str, schema: str = "Problem") -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _SCHEMAS[schema]}}}


_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: _response("At least one article is acknowledged by the broker", "Reply"),
    401: _response("No token, or a wrong one"),
    403: _response("HTTP ingest is closed: no tokens are configured"),
    413: _response("Too many bytes or articles in one request"),
    415: _response("Neither JSON nor JSON Lines"),
    422: _response("No article is valid; each has a reason", "Reply"),
    429: _response("Too many articles in a minute; see Retry-After"),
    503: _response("The broker did not acknowledge; nothing is known to be stored; see Retry-After"),
}
