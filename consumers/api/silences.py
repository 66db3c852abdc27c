"""``/v1/silences``: which alerts notify no one for a while, and what a silence would have muted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from consumers.alert_feed import Wanted, read_page
from consumers.api.answers import RefusedError, json
from consumers.api.backend import Backend
from consumers.api.bodies import body, invalid
from consumers.api.gate import READS, Admin
from consumers.api.schemas import BODY, documented, takes
from consumers.api.tagged import tagged
from consumers.life.model import (
    MATCHERS_MAX,
    Comment,
    Matcher,
    Preview,
    Silence,
    SilenceState,
    new_silence_id,
    preview,
)
from consumers.moments import parse_since
from wirewatch.errors import UserError
from wirewatch.records import Moment

ALERTS_LOOKED_AT_MAX = 2_000
SilenceId = Annotated[str, Path(max_length=200, description="`id` of a silence.")]
Matchers = Annotated[tuple[Matcher, ...], msgspec.Meta(min_length=1, max_length=MATCHERS_MAX)]


class SilenceItem(msgspec.Struct, frozen=True, kw_only=True):
    """A silence, and whether it mutes now."""

    id: str
    state: SilenceState
    matchers: tuple[Matcher, ...]
    author: str
    comment: str
    starts: Moment
    ends: Moment
    created: Moment


class Silences(msgspec.Struct, frozen=True, kw_only=True):
    """Silences, the newest first."""

    silences: tuple[SilenceItem, ...]


class NewSilence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A silence to be made. ``starts``: null is now. Its author is who asks."""

    matchers: Matchers
    ends: Moment
    starts: Moment | None = None
    comment: Comment = ""


class PreviewQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Matchers of a silence that is not made. ``since``: as in queries, e.g. `7d`."""

    matchers: Matchers
    since: Annotated[str, msgspec.Meta(max_length=40)] = "7d"


class SilenceFilter(BaseModel):
    """Which silences."""

    model_config = ConfigDict(extra="forbid")

    expired: bool = Field(False, description="Those too that ended in the last five days.")


_MATCHERS = [
    {"name": "rule", "op": "=", "values": ["watched-actor"]},
    {"name": "actor", "op": "!=", "values": ["iran"]},
]
_EXAMPLE = {"matchers": _MATCHERS, "ends": "2030-01-31T06:00:00Z", "comment": "summit, expected"}


def router(backend: Backend) -> APIRouter:
    """The endpoints, over this backend."""
    routes = APIRouter(tags=["silences"], dependencies=[READS])

    @routes.get("/v1/silences", responses=documented(Silences, "The newest first.", 422, 503, tagged=True))
    def list_silences(query: Annotated[SilenceFilter, Query()], request: Request) -> Response:
        """Silences that mute now or will."""
        now = datetime.now(UTC)
        found = backend.life.silences(now, expired=query.expired)
        return tagged(request, Silences(silences=tuple(_item(each, now) for each in found)))

    @routes.post(
        "/v1/silences",
        status_code=201,
        responses=documented(SilenceItem, "The silence that was made.", 409, *BODY, 503, status=201),
        openapi_extra=takes(NewSilence, _EXAMPLE),
    )
    def make_silence(caller: Admin, asked: Annotated[NewSilence, body(NewSilence)]) -> Response:
        """Alerts that all of the matchers fit notify no one until it ends. They stay in the list."""
        now = datetime.now(UTC)
        silence = _silence(asked, caller.name, now)
        try:
            backend.life.put_silence(silence, now)
        except UserError as error:
            raise RefusedError(409, "too-many", str(error)) from error
        return json(_item(silence, now), 201, {"Location": f"/v1/silences/{silence.id}"})

    @routes.post(
        "/v1/silences/preview",
        responses=documented(Preview, "What it would have muted.", *BODY, 503),
        openapi_extra=takes(PreviewQuery, {"matchers": _MATCHERS, "since": "7d"}),
    )
    def preview_silence(asked: Annotated[PreviewQuery, body(PreviewQuery)]) -> Response:
        """What a silence with these matchers would have muted, of at most the newest 2,000 alerts. Changes nothing."""
        try:
            since = parse_since(asked.since, datetime.now(UTC))
        except ValueError as error:
            raise invalid("body.since", str(error)) from error
        page = read_page(backend.client, backend.keys, Wanted(), limit=ALERTS_LOOKED_AT_MAX, since=since)
        return json(preview(asked.matchers, (each.alert for each in page.alerts)))

    @routes.get("/v1/silences/{silence_id}", responses=documented(SilenceItem, "The silence.", 404, 422, 503))
    def get_silence(silence_id: SilenceId) -> Response:
        """One silence; expired ones are kept for five days."""
        return json(_item(_known(backend.life.silence(silence_id)), datetime.now(UTC)))

    @routes.delete("/v1/silences/{silence_id}", responses=documented(SilenceItem, "As it then is.", 404, 422, 503))
    def expire_silence(silence_id: SilenceId, _: Admin) -> Response:
        """End a silence now; one that has ended stays as it is."""
        now = datetime.now(UTC)
        return json(_item(_known(backend.life.expire_silence(silence_id, now)), now))

    return routes


def _silence(asked: NewSilence, author: str, now: datetime) -> Silence:
    starts = asked.starts or now
    if asked.ends <= max(starts, now):
        raise invalid("body.ends", "must be in the future, and after the start")
    return Silence(
        id=new_silence_id(),
        matchers=asked.matchers,
        author=author,
        comment=asked.comment,
        starts=starts,
        ends=asked.ends,
        created=now,
    )


def _item(silence: Silence, now: datetime) -> SilenceItem:
    return SilenceItem(state=silence.state(now), **msgspec.structs.asdict(silence))


def _known(silence: Silence | None) -> Silence:
    if silence is None:
        raise RefusedError(404, "not-found", "there is no such silence, or it ended long ago")
    return silence
