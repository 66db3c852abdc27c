"""JSON answers of records, and their schema for /openapi.json: both made from the records themselves."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Response

from consumers.api.tokens import Role
from consumers.reading import CounterRow
from consumers.source_health import Sources
from wirewatch.records import Alert

_REF = "#/components/schemas/{name}"


class AlertItem(Alert, frozen=True, kw_only=True):
    """An alert and its place in the feed."""

    cursor: str


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, newest first. ``next``: cursor of the next, older page; null on the last one."""

    alerts: tuple[AlertItem, ...]
    next: str | None


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of counters, and how many records of mentions.v1 they stand for."""

    by: str
    since: str
    until: str
    applied: int
    rows: tuple[CounterRow, ...]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a request, and where."""

    where: str
    what: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not answered: a fixed word, a sentence for people, and each parameter that is wrong."""

    reason: str
    detail: str
    problems: tuple[Problem, ...] = ()


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether every server that is needed answers; ``parts`` names each and what it said."""

    ready: bool
    parts: dict[str, str]


class RefusedError(Exception):
    """Ends a request with a Refusal; raised by endpoints and what they ask."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        problems: tuple[Problem, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.refusal = Refusal(reason=reason, detail=detail, problems=problems)
        self.headers = headers or {}


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, as the server knows them. ``anonymous``: let in for being on this machine, without a token."""

    name: str
    role: Role
    anonymous: bool


_TYPES = (AlertPage, Counters, Me, Sources, Refusal, Readiness)
_SCHEMAS, COMPONENTS = msgspec.json.schema_components(_TYPES, ref_template=_REF)
_BY_TYPE = dict(zip(_TYPES, _SCHEMAS, strict=True))


def json(record: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The record as JSON."""
    return Response(msgspec.json.encode(record), status, headers, media_type="application/json")


def documented(
    answer: type[msgspec.Struct], description: str, *failures: int, status: int = 200, open_: bool = False
) -> dict[int | str, dict[str, Any]]:
    """What an endpoint answers, for the OpenAPI document. ``open_``: it asks for no token."""
    entry = () if open_ else (401, 403, 429)
    return {
        status: {"description": description, "content": {"application/json": {"schema": _BY_TYPE[answer]}}},
        **refusals(*entry, *failures),
    }


_CAUSES = {
    401: "A token is needed, or this one is not known.",
    403: "This token's role does not suffice; or there are no tokens, and the request comes from elsewhere.",
    404: "There is no such thing.",
    422: "A parameter is wrong.",
    429: "Too many requests in a minute: see Retry-After.",
    503: "A server that is needed does not answer; try again.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of these statuses, for the OpenAPI document."""
    return {
        status: {"description": _CAUSES[status], "content": {"application/json": {"schema": _BY_TYPE[Refusal]}}}
        for status in statuses
    }
