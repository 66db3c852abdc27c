"""How the sender stands with one receiver, and whether it may send to it now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

import msgspec

from consumers.delivery.breaker import Breaker
from consumers.delivery.bucket import Bucket, Rate, take
from wirewatch.records import Moment

PermitReason = Literal["allowed", "probe", "disabled", "held", "breaker-open", "paced"]

_S = TypeVar("_S", bound=msgspec.Struct)


class Disabled(msgspec.Struct, frozen=True, kw_only=True):
    """The receiver said that it is gone; nothing is sent to it until someone enables it."""

    at: Moment
    why: str


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """The receiver asked to be left alone until then."""

    until: Moment


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of a receiver between two tries; a field each of its ``state`` in Redis."""

    disabled: Disabled | None = None
    breaker: Breaker = Breaker()
    bucket: Bucket | None = None
    hold: Hold | None = None


FIELDS = ("disabled", "breaker", "bucket", "hold")


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether to send now, and why. ``when``: ask again then; None: when someone has changed something."""

    reason: PermitReason
    standing: Standing
    when: datetime | None = None

    @property
    def given(self) -> bool:
        """To send one notification."""
        return self.reason in ("allowed", "probe")


def permit(standing: Standing, rate: Rate | None, now: datetime) -> Permit:
    """Whether one notification may be sent at ``now``; ``standing`` is then without the token that it takes."""
    if standing.disabled is not None:
        return Permit("disabled", standing)
    if standing.hold is not None and now < standing.hold.until:
        return Permit("held", standing, standing.hold.until)
    state = standing.breaker.state(now)
    if state == "open":
        return Permit("breaker-open", standing, standing.breaker.until)
    if rate is not None:
        taken = take(standing.bucket, rate, now.timestamp())
        standing = msgspec.structs.replace(standing, bucket=taken.bucket)
        if taken.wait_seconds:
            return Permit("paced", standing, now + timedelta(seconds=taken.wait_seconds))
    return Permit("probe" if state == "half-open" else "allowed", standing)


def decode(fields: Mapping[str, str | None]) -> Standing:
    """The standing as it was stored. What cannot be read is as if it were not there: at worst a receiver is asked once
    more than it should."""
    return Standing(
        disabled=_read(fields.get("disabled"), Disabled),
        breaker=_read(fields.get("breaker"), Breaker) or Breaker(),
        bucket=_read(fields.get("bucket"), Bucket),
        hold=_read(fields.get("hold"), Hold),
    )


def encode(standing: Standing) -> tuple[dict[str, str], list[str]]:
    """The fields to set, and those to delete."""
    parts = {name: getattr(standing, name) for name in FIELDS}
    kept = {name: part for name, part in parts.items() if part not in (None, Breaker())}
    return {name: msgspec.json.encode(part).decode() for name, part in kept.items()}, [
        name for name in FIELDS if name not in kept
    ]


def _read(text: str | None, kind: type[_S]) -> _S | None:
    try:
        return msgspec.json.decode(text, type=kind) if text else None
    except msgspec.MsgspecError:
        return None


def milliseconds(moment: datetime) -> int:
    """Since the epoch: how the queue keeps its times."""
    return int(moment.timestamp() * 1000)


def from_milliseconds(score: float) -> datetime:
    """The moment, in UTC, that a score of the queue stands for."""
    return datetime.fromtimestamp(score / 1000, UTC)
