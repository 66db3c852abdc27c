"""Hours of event time as numbers: since the epoch, UTC, so that windows are ranges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 24


def hour_of(moment: datetime) -> int:
    """The hour in which ``moment`` lies."""
    return (moment - _EPOCH) // timedelta(hours=1)


def begins(hour: int) -> datetime:
    """When the hour begins."""
    return _EPOCH + timedelta(hours=hour)


def hour_at(day: date, hour: int) -> int:
    """Hour 0 to 23 of a day."""
    return (day - _EPOCH.date()).days * DAY + hour


def day_of(hour: int) -> date:
    """The day, UTC, in which the hour lies."""
    return begins(hour).date()
