"""``GET /v1/counters``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.exceptions import RequestValidationError

from consumers import reading
from consumers.api.answers import Counters, json
from consumers.api.backend import Backend
from consumers.api.gate import READS
from consumers.api.parameters import CounterQuery
from consumers.api.schemas import documented

SINCE_DEFAULT = timedelta(days=7)


def router(backend: Backend) -> APIRouter:
    """The endpoint, over this backend."""
    routes = APIRouter(tags=["counters"], dependencies=[READS])

    @routes.get("/v1/counters", responses=documented(Counters, "Rows of counters.", 422, 503))
    def list_counters(query: Annotated[CounterQuery, Query()]) -> Response:
        """Articles and mentions per actor, by hour, day, source, language, pair, entity or outcome.

        An article counts once, in the hour (UTC) in which it was first seen. While `applied` steps back, a part of the
        counters is being replayed.
        """
        until = query.until or datetime.now(UTC)
        since = query.since or until - SINCE_DEFAULT
        if since > until or until - since > timedelta(days=reading.DAYS_MAX):
            problem = f"must be before `until`, by at most {reading.DAYS_MAX} days"
            raise RequestValidationError([{"loc": ("query", "since"), "msg": problem}])
        partitions = backend.settings.partitions
        asked = reading.Query(by=query.by, actor=query.actor, since=since, until=until, limit=query.limit)
        rows = reading.read_counters(backend.client, backend.keys, partitions, asked)
        answer = Counters(
            by=query.by,
            since=msgspec.to_builtins(since),
            until=msgspec.to_builtins(until),
            applied=reading.applied(backend.client, backend.keys, partitions),
            rows=tuple(rows),
        )
        return json(answer)

    return routes
