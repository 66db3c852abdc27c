"""The records that the API answers with, and how an answer is written."""

from __future__ import annotations

import msgspec
from fastapi import Response

from consumers.api.tokens import Role
from consumers.life.model import NOTHING_SAID, Life
from consumers.reading import CounterRow
from wirewatch.records import Alert


class AlertItem(Alert, frozen=True, kw_only=True):
    """An alert, its place in the feed, and what people have said about it."""

    cursor: str
    life: Life = NOTHING_SAID


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


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """That this process lives."""

    status: str = "alive"


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, as the server knows them. ``anonymous``: let in for being on this machine, without a token."""

    name: str
    role: Role
    anonymous: bool


class WatchedActor(msgspec.Struct, frozen=True, kw_only=True):
    """An actor of the watchlist."""

    id: str
    name: str
    kind: str
    wikidata: str | None


class Actors(msgspec.Struct, frozen=True, kw_only=True):
    """Who is watched. ``version``: that of the watchlist."""

    version: str
    actors: tuple[WatchedActor, ...]


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


def encoded(record: object) -> bytes:
    """The record as JSON, times in RFC 3339."""
    return msgspec.json.encode(record)


def json(record: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The record as an answer."""
    return Response(encoded(record), status, headers, media_type="application/json")
