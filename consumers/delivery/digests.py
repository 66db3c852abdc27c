"""When a digest is due. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

from consumers.delivery.quiet import DAYS, at_local, zone_of
from consumers.delivery.receivers import Digest


def next_digest(digest: Digest, after: datetime) -> datetime:
    """The first moment behind ``after`` at which the digest is due, in UTC."""
    today = after.astimezone(zone_of(digest.zone)).date()
    for days in range(-1, 9):
        day = today + timedelta(days=days)
        if digest.every == "day" or DAYS[day.weekday()] == digest.on:
            due = at_local(day, digest.at, digest.zone)
            if due > after:
                return due
    raise AssertionError(f"no digest within nine days of {after}")
