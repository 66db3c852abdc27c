"""JSON answers of records, and their schema for /openapi.json: both made from the records themselves."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Response

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


_TYPES = (AlertPage, Counters, Sources, Refusal, Readiness)
_SCHEMAS, COMPONENTS = msgspec.json.schema_components(_TYPES, ref_template=_REF)
_BY_TYPE = dict(zip(_TYPES, _SCHEMAS, strict=True))


def json(record: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The record as JSON."""
    return Response(msgspec.json.encode(record), status, headers, media_type="application/json")


def documented(answer: type[msgspec.Struct], description: str, *failures: int) -> dict[int | str, dict[str, Any]]:
    """What an endpoint answers, for the OpenAPI document."""
    causes = {422: "A parameter is wrong.", 503: "A server that is needed does not answer; try again."}
    return {
        200: {"description": description, "content": {"application/json": {"schema": _BY_TYPE[answer]}}},
        **{
            status: {"description": causes[status], "content": {"application/json": {"schema": _BY_TYPE[Refusal]}}}
            for status in failures
        },
    }
