"""How people write a moment: a span back from now, or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_span(text: str) -> timedelta:
    """The length that ``text`` means: ``90s``, ``15m``, ``2h``, ``7d`` or ``4w``. Raises ValueError that says so."""
    if span := _SPAN.fullmatch(text):
        return timedelta(**{_UNITS[span[2]]: int(span[1])})
    raise ValueError(f"{text!r} is no length of time: write 90s, 15m, 2h, 7d or 4w")


def parse_since(text: str, now: datetime) -> datetime:
    """The moment that ``text`` means, in UTC: ``90s``, ``15m``, ``2h``, ``7d`` or ``4w`` before ``now``, or a time in
    RFC 3339 (UTC where it has no zone; a day alone is its midnight). Raises ValueError that says what is taken."""
    try:
        if _SPAN.fullmatch(text):
            return now - parse_span(text)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time: write 30m, 2h, 7d, or 2026-01-31T06:00:00Z") from error
