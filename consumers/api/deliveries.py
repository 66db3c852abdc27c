"""``/v1/receivers`` and ``/v1/deliveries``: who is told, what came of it, and once more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from consumers.api.answers import RefusedError, json
from consumers.api.backend import Backend
from consumers.api.gate import READS, Admin
from consumers.api.schemas import documented
from consumers.api.tagged import tagged
from consumers.delivery import deliveries
from consumers.delivery.attempts import Delivery
from consumers.delivery.breaker import BreakerState
from consumers.delivery.deliveries import UnknownDelivery
from consumers.delivery.receivers import Digest, GroupBy, Receiver, ReceiverKind, When
from consumers.delivery.standing import Standing
from wirewatch.records import Moment

DELIVERIES_MAX = 500
ReceiverId = Annotated[str, Path(max_length=64, description="`id` of a receiver.")]
DeliveryId = Annotated[str, Path(max_length=200, description="`id` of a delivery.")]


class ReceiverItem(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver and how sending to it goes. Its addresses and keys are not shown."""

    id: str
    kind: ReceiverKind
    when: When
    group_by: tuple[GroupBy, ...]
    digest: Digest | None
    waiting: int
    """Notifications in its queue."""
    disabled: str | None
    """Why nothing is sent to it any more, until it is enabled; null where it is."""
    breaker: BreakerState
    """open: it failed so often that it is left alone for a while."""
    held_until: Moment | None
    """It asked to be left alone until then."""


class ReceiverList(msgspec.Struct, frozen=True, kw_only=True):
    """Receivers in the order of their file."""

    receivers: tuple[ReceiverItem, ...]


class Deliveries(msgspec.Struct, frozen=True, kw_only=True):
    """Notifications, waiting or sent, the newest first."""

    deliveries: tuple[Delivery, ...]


class Enabled(msgspec.Struct, frozen=True, kw_only=True):
    """``changed``: false where nothing stopped it."""

    changed: bool


class DeliveryQuery(BaseModel):
    """Which deliveries."""

    model_config = ConfigDict(extra="forbid")

    receiver: str | None = Field(None, max_length=64, description="Only to this receiver.")
    failed: bool = Field(False, description="Only what was tried in vain: failing still, or given up.")
    limit: int = Field(50, ge=1, le=DELIVERIES_MAX, description="How many at most.")


def router(backend: Backend) -> APIRouter:
    """The endpoints, over this backend."""
    routes = APIRouter(tags=["delivery"], dependencies=[READS])
    client, prefix = backend.client, backend.settings.redis_prefix

    @routes.get("/v1/receivers", responses=documented(ReceiverList, "Every receiver of the file.", 503, tagged=True))
    def list_receivers(request: Request) -> Response:
        """Who is told of which alerts, and how sending to each goes."""
        now, found = datetime.now(UTC), []
        for receiver in backend.receivers.current().receivers:
            standing = deliveries.standing_of(client, prefix, receiver.id)
            found.append(_item(receiver, standing, deliveries.waiting(client, prefix, receiver.id), now))
        return tagged(request, ReceiverList(receivers=tuple(found)))

    @routes.post(
        "/v1/receivers/{receiver_id}/test",
        status_code=202,
        responses=documented(Delivery, "It is in the queue.", 404, 422, 503, status=202),
    )
    def try_receiver(receiver_id: ReceiverId, _: Admin) -> Response:
        """Put a test notification into its queue; `/v1/deliveries` shows what comes of it. Each call sends one more."""
        receiver = _known(backend, receiver_id)
        return json(deliveries.put_test(client, prefix, receiver.id, datetime.now(UTC)), 202)

    @routes.post("/v1/receivers/{receiver_id}/enable", responses=documented(Enabled, "It is sent to.", 404, 422, 503))
    def enable_receiver(receiver_id: ReceiverId, _: Admin) -> Response:
        """Send again to one that said it was gone (410), and forget its failures."""
        receiver = _known(backend, receiver_id)
        return json(Enabled(changed=deliveries.enable(client, prefix, receiver.id)))

    @routes.get("/v1/deliveries", responses=documented(Deliveries, "The newest first.", 422, 503, tagged=True))
    def list_deliveries(query: Annotated[DeliveryQuery, Query()], request: Request) -> Response:
        """What was sent to whom or waits to be, how often it was tried, and what came back last."""
        names = [each.id for each in backend.receivers.current().receivers if query.receiver in (None, each.id)]
        found = deliveries.list_deliveries(client, prefix, names, failed=query.failed, limit=query.limit)
        return tagged(request, Deliveries(deliveries=tuple(found)))

    @routes.post(
        "/v1/deliveries/{delivery_id}/resend",
        status_code=202,
        responses=documented(Delivery, "It is due now.", 404, 422, 503, status=202),
    )
    def resend_delivery(delivery_id: DeliveryId, _: Admin) -> Response:
        """Send it again, at once and under the same id; one that was sent before, with its alerts as they are now."""
        names = [each.id for each in backend.receivers.current().receivers]
        try:
            return json(deliveries.resend(client, prefix, names, delivery_id, datetime.now(UTC)), 202)
        except UnknownDelivery as error:
            raise RefusedError(404, "not-found", "there is no such delivery, or its alerts are not kept") from error

    return routes


def _known(backend: Backend, receiver_id: str) -> Receiver:
    for receiver in backend.receivers.current().receivers:
        if receiver.id == receiver_id:
            return receiver
    raise RefusedError(404, "not-found", "there is no such receiver in the receivers file")


def _item(receiver: Receiver, standing: Standing, waiting: int, now: datetime) -> ReceiverItem:
    held = standing.hold.until if standing.hold and standing.hold.until > now else None
    return ReceiverItem(
        id=receiver.id,
        kind=receiver.kind,
        when=receiver.when,
        group_by=receiver.group_by,
        digest=receiver.digest,
        waiting=waiting,
        disabled=standing.disabled.why if standing.disabled else None,
        breaker=standing.breaker.state(now),
        held_until=held,
    )
