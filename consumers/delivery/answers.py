"""What a receiver answered to one try to send, in words that the decisions, the metrics and people share. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from wirewatch.harmless import clean
from wirewatch.retry_after import retry_after_seconds

Outcome = Literal[
    "delivered", "gone", "rate-limited", "unavailable", "redirect", "http-status", "timeout", "connection", "refused",
    "failed", "misconfigured",
]  # fmt: skip
"""``refused``: by us, as the address is not a public one. ``failed``: an Apprise service that did not take it.
``misconfigured``: a file of an address or a key that is missing or cannot be used."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
REPLY_BYTES_MAX = 256
RECEIVER_AT_FAULT: frozenset[Outcome] = frozenset(
    ["unavailable", "redirect", "timeout", "connection", "refused", "failed", "misconfigured"]
)
"""These say that the receiver is down, whatever we send; ``http-status`` may be about this one notification."""
_DOWN = frozenset([401, 403, 404, 408])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``reply``: the beginning of what came back, cleaned, or why nothing did. ``retry_after``: seconds asked for."""

    outcome: Outcome
    status: int | None = None
    reply: str = ""
    retry_after: float | None = None
    seconds: float = 0.0
    """How long it took."""


def answered(status: int, retry_after: str | None, reply: bytes, *, seconds: float, now: datetime) -> Answer:
    """The answer that an HTTP response is. Only 2xx is success; a redirect is a failure, and is not followed."""
    return Answer(
        outcome=_outcome(status),
        status=status,
        reply=clean(reply[:REPLY_BYTES_MAX].decode("utf-8", "replace")),
        retry_after=retry_after_seconds(retry_after, now),
        seconds=seconds,
    )


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return "delivered"
    if 300 <= status < 400:
        return "redirect"
    if status >= 500 or status in _DOWN:
        return "unavailable"
    return {410: "gone", 429: "rate-limited"}.get(status, "http-status")  # type: ignore[return-value]
