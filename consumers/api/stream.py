"""``GET /v1/alerts/stream``: alerts as server-sent events, resumed where a client left off.

Each event's id is the alert's place in the feed. What people say about alerts comes along, as events without an id:
a client that was away reads that anew with the list. A client that was away longer than the feed reaches back gets an
event ``reset`` first, so that it knows that alerts are missing. Each connection reads Redis at its own pace and holds
nothing back in memory; one that does not take its events is closed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import anyio
import msgspec
from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from consumers.alert_feed import CURSOR, START, Wanted, decoded, find_alert
from consumers.api.answers import Refusal, json
from consumers.api.backend import Backend
from consumers.api.gate import READS
from consumers.api.parameters import StreamQuery
from consumers.api.schemas import refusals
from consumers.life.store import events_key
from wirewatch.errors import StoreUnavailable
from wirewatch.redis_client import answers

CLIENTS_MAX = 200
PING_SECONDS = 15
SEND_SECONDS_MAX = 30
END_SECONDS_MAX = 3
RETRY_MS = 3_000
_CHUNK = 100
LOOK_SECONDS = 1.0
"""What people say is told after so long."""
Entry = tuple[str, dict[str, str]]
Said = tuple[str, str]
_EVENTS = (
    "Events `alert` (data: the alert; id: its place), `reset` (`reason`), "
    "`life` (`id` of an alert and its `life`), `silence` (`id`)."
)
_FULL = Refusal(reason="too-many-clients", detail=f"at most {CLIENTS_MAX} clients are served at once; try again")


def router(backend: Backend) -> APIRouter:
    """The endpoint, over this backend."""
    routes = APIRouter(tags=["alerts"], dependencies=[READS])
    connected: set[object] = set()

    @routes.get(
        "/v1/alerts/stream",
        response_class=EventSourceResponse,
        responses={
            200: {"description": _EVENTS, "content": {"text/event-stream": {}}},
            **refusals(401, 403, 422, 429, 503),
        },
    )
    async def stream_alerts(
        query: Annotated[StreamQuery, Query()], last_event_id: Annotated[str | None, Header()] = None
    ) -> Response:
        """New alerts as they come. With the header `Last-Event-ID` (browsers set it by themselves) nothing is missed.

        `curl -N` shows it. A comment every 15 seconds keeps the connection open.
        """
        if last_event_id is not None and not CURSOR.fullmatch(last_event_id):
            raise RequestValidationError([{"loc": ("header", "Last-Event-ID"), "msg": "this is no id of an event"}])
        if len(connected) >= CLIENTS_MAX:
            return json(_FULL, 503, {"Retry-After": "30"})
        events = _Events(backend, query.wanted(query.rule))
        after = last_event_id or query.last_event_id
        # Asked before the answer begins, so that a Redis that is away is still told by the status.
        missed = await events.start(after)
        return EventSourceResponse(
            _counted(backend, connected, events.read(missed)),
            ping=PING_SECONDS,
            send_timeout=SEND_SECONDS_MAX,
            shutdown_event=events.ending,
            shutdown_grace_period=END_SECONDS_MAX,
        )

    return routes


async def _counted(
    backend: Backend, connected: set[object], events: AsyncIterator[ServerSentEvent]
) -> AsyncIterator[ServerSentEvent]:
    ticket = object()
    connected.add(ticket)
    backend.metrics.sse_clients.inc()
    try:
        async for event in events:
            yield event
    finally:
        connected.discard(ticket)
        backend.metrics.sse_clients.dec()


class _Events:
    """The events of one connection."""

    def __init__(self, backend: Backend, wanted: Wanted) -> None:
        self._client = backend.stream_client
        self._keys = backend.keys
        self._wanted = wanted
        self._backend = backend
        self._after = START
        self._said = START
        self.ending = anyio.Event()

    async def start(self, after: str | None) -> str | None:
        """Find the place to begin. Returns why alerts are missing behind ``after``, if any are."""
        with answers():
            newest = await self._client.xrevrange(self._keys.feed, count=1)
            trimmed = await self._client.get(self._keys.feed_trimmed)
            said = await self._client.xrevrange(events_key(self._backend.settings.redis_prefix), count=1)
        self._said = said[0][0] if said else START
        last = newest[0][0] if newest else trimmed or START
        if after is None:
            self._after = last
            return None
        self._after = after
        if _place(after) == (0, 0):
            return None
        if trimmed and _place(after) < _place(trimmed):
            return "older alerts are not kept any more"
        if _place(after) > _place(last):
            self._after = START
            return "the feed was built again; alerts repeat"
        return None

    async def read(self, missed: str | None) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(comment="wirewatch alerts", retry=RETRY_MS)
        if missed:
            yield ServerSentEvent(event="reset", data=msgspec.json.encode({"reason": missed}).decode())
        while (came := await self._next()) is not None:
            entries, said = came
            for cursor, fields in entries:
                self._after = cursor
                if decoded(fields) in self._wanted:
                    yield ServerSentEvent(id=cursor, event="alert", data=fields["alert"])
            for name, data in said:
                yield ServerSentEvent(event=name, data=data)

    async def _next(self) -> tuple[Sequence[Entry], Sequence[Said]] | None:
        """What came within a while; None when the stream has to end: the server stops, or Redis is away. The client
        comes back by itself and goes on behind its last event."""
        found: tuple[Sequence[Entry], Sequence[Said]] | None = None
        async with anyio.create_task_group() as tasks:

            async def end() -> None:
                await self.ending.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(end)
            with suppress(StoreUnavailable), answers():
                found = await self._read(), await self._read_said()
            tasks.cancel_scope.cancel()
        return None if self.ending.is_set() else found

    async def _read(self) -> Sequence[Entry]:
        # No longer: what people say waits for it.
        block = int(LOOK_SECONDS * 1000)
        answer = await self._client.xread({self._keys.feed: self._after}, count=_CHUNK, block=block)
        return answer[0][1] if answer else ()

    async def _read_said(self) -> Sequence[Said]:
        answer = await self._client.xread({events_key(self._backend.settings.redis_prefix): self._said}, count=_CHUNK)
        if not answer:
            return ()
        changes = answer[0][1]
        self._said = changes[-1][0]
        alerts = dict.fromkeys(fields["alert"] for _, fields in changes if "alert" in fields)
        silences = dict.fromkeys(fields["silence"] for _, fields in changes if "silence" in fields)
        lives = await run_in_threadpool(_lives, self._backend, tuple(alerts))
        return [*lives, *(("silence", msgspec.json.encode({"id": each}).decode()) for each in silences)]


def _lives(backend: Backend, alert_ids: Sequence[str]) -> list[Said]:
    """What has been said by now about those of the alerts that are kept."""
    found = [fed.alert for each in alert_ids if (fed := find_alert(backend.client, backend.keys, each))]
    lives = backend.life.of(found, datetime.now(UTC))
    return [
        ("life", msgspec.json.encode({"id": alert.id, "life": life}).decode())
        for alert, life in zip(found, lives, strict=True)
    ]


def _place(cursor: str) -> tuple[int, int]:
    first, _, second = cursor.partition("-")
    return int(first), int(second or 0)
