"""``/v1/alerts``: a page of alerts, one of them, and what people say about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from consumers.alert_feed import FedAlert, find_alert, read_page
from consumers.api.answers import AlertItem, AlertPage, RefusedError, json
from consumers.api.backend import Backend
from consumers.api.bodies import body
from consumers.api.gate import READS, Admin
from consumers.api.parameters import AlertQuery
from consumers.api.schemas import BODY, documented, takes
from consumers.api.tagged import tagged
from consumers.life.model import Acknowledgement, Comment, Verdict, VerdictValue

AlertId = Annotated[str, Path(max_length=200, description="`id` of an alert.")]


class NewAcknowledgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Taking an alert on. Who and when, the server knows."""

    comment: Comment = ""


class NewVerdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What you say of an alert: `true` where it was right to raise it."""

    value: VerdictValue
    comment: Comment = ""


_ONE = documented(AlertItem, "The alert as it is now.", 404, 422, 503)
_CHANGED = documented(AlertItem, "The alert as it then is.", 404, *BODY, 503)


def router(backend: Backend) -> APIRouter:
    """The endpoints, over this backend."""
    routes = APIRouter(tags=["alerts"], dependencies=[READS])

    @routes.get("/v1/alerts", responses=documented(AlertPage, "Alerts, newest first.", 422, 503, tagged=True))
    def list_alerts(query: Annotated[AlertQuery, Query()], request: Request) -> Response:
        """Alerts, newest first. With `next` of one page as `cursor` of the next request you read on.

        A page may hold fewer than `limit`, even none, and still name a next one. Each alert is there once, in its
        newest revision, at the place where that came in.
        """
        page = read_page(
            backend.client,
            backend.keys,
            query.wanted(query.rule),
            limit=query.limit,
            since=query.since,
            before=query.cursor,
        )
        return tagged(request, AlertPage(alerts=items(backend, page.alerts), next=page.before))

    @routes.get("/v1/alerts/{alert_id}", responses=_ONE)
    def get_alert(alert_id: AlertId) -> Response:
        """One alert, in its newest revision, and what people have said about it."""
        return json(_item(backend, _found(backend, alert_id)))

    @routes.put(
        "/v1/alerts/{alert_id}/acknowledgement",
        responses=_CHANGED,
        openapi_extra=takes(NewAcknowledgement, {"comment": "calling the desk in Brussels"}, needed=False),
    )
    def acknowledge_alert(
        alert_id: AlertId, caller: Admin, said: Annotated[NewAcknowledgement, body(NewAcknowledgement, needed=False)]
    ) -> Response:
        """Take the alert on: it notifies no one again. Repeating puts your name and the time anew."""
        alert = _found(backend, alert_id)
        kept = Acknowledgement(by=caller.name, at=datetime.now(UTC), comment=said.comment)
        backend.life.acknowledge(alert_id, kept)
        return json(_item(backend, alert))

    @routes.delete("/v1/alerts/{alert_id}/acknowledgement", responses=_ONE)
    def withdraw_acknowledgement(alert_id: AlertId, _: Admin) -> Response:
        """Take the acknowledgement back; nothing happens where there is none."""
        alert = _found(backend, alert_id)
        backend.life.withdraw(alert_id)
        return json(_item(backend, alert))

    @routes.put(
        "/v1/alerts/{alert_id}/verdict",
        responses=_CHANGED,
        openapi_extra=takes(NewVerdict, {"value": "false", "comment": "the football club, not the alliance"}),
    )
    def judge_alert(alert_id: AlertId, caller: Admin, said: Annotated[NewVerdict, body(NewVerdict)]) -> Response:
        """Say whether the alert was right; it counts for the precision of its rule, in the place of an earlier one."""
        alert = _found(backend, alert_id)
        verdict = Verdict(
            value=said.value, by=caller.name, at=datetime.now(UTC), comment=said.comment, rule=alert.alert.rule
        )
        backend.life.set_verdict(alert_id, verdict)
        return json(_item(backend, alert))

    @routes.delete("/v1/alerts/{alert_id}/verdict", responses=_ONE)
    def withdraw_verdict(alert_id: AlertId, _: Admin) -> Response:
        """Take the verdict back: it counts no more. Nothing happens where there is none."""
        alert = _found(backend, alert_id)
        backend.life.withdraw_verdict(alert_id)
        return json(_item(backend, alert))

    return routes


def _found(backend: Backend, alert_id: str) -> FedAlert:
    """Raises RefusedError with 404 where there is none."""
    found = find_alert(backend.client, backend.keys, alert_id)
    if found is None:
        raise RefusedError(404, "not-found", "there is no such alert, or it is not kept any more")
    return found


def items(backend: Backend, fed: Sequence[FedAlert]) -> tuple[AlertItem, ...]:
    """Alerts with what people have said about each by now. Raises StoreUnavailable."""
    lives = backend.life.of([each.alert for each in fed], datetime.now(UTC))
    return tuple(
        AlertItem(cursor=each.cursor, life=life, **msgspec.structs.asdict(each.alert))
        for each, life in zip(fed, lives, strict=True)
    )


def _item(backend: Backend, fed: FedAlert) -> AlertItem:
    return items(backend, [fed])[0]
