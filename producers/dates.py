"""The time that a source claims, from the spellings that sources use."""

from __future__ import annotations

import re
from datetime import MAXYEAR, UTC, datetime
from email.utils import parsedate_to_datetime

YEAR_MIN = 1900
CHARS_MAX = 100
# fromisoformat() takes week dates and times without separators too; what sources mean by those is a guess.
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d)?)?", re.IGNORECASE
)


def parse_time(text: str | None) -> datetime | None:
    """The time in RFC 3339 or RFC 822 spelling, in UTC; a date alone is its midnight, and no time zone means UTC.

    None for everything else, for years before 1900, which are defaults of broken clocks, and for the calendar's last.
    """
    if text is None or len(text) > CHARS_MAX:
        return None
    text = text.strip()
    try:
        match = _RFC_3339.fullmatch(text)
        time = datetime.fromisoformat(_iso(match)) if match else parsedate_to_datetime(text)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        time = time.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return time if YEAR_MIN <= time.year < MAXYEAR else None


def _iso(match: re.Match[str]) -> str:
    date, minutes, seconds, fraction, zone = match.groups()
    if minutes is None:
        return f"{date}T00:00:00"
    zone = "+00:00" if zone in ("Z", "z") else zone or ""
    return f"{date}T{minutes}{seconds or ':00'}.{(fraction or '0')[:6]:0<6}{zone}"
