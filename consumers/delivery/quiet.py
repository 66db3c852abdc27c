"""Quiet hours: spans of local time in which people want no notification. Pure functions of data and ``now``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
EndOfDay = Annotated[str, msgspec.Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]

QUIET_DAYS_MAX = 8
"""Hours that are quiet without an end are looked at again after so many days."""


class Quiet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Quiet from one time of day to another on some days, by the clocks of a zone.

    One that ends no later than it begins goes over midnight, and belongs to the day on which it begins. Of a time that
    the clocks pass twice in autumn the first counts; one that they skip in spring means as much later as they skip.
    """

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1)] = DAYS
    from_: TimeOfDay
    to: EndOfDay
    zone: str = "UTC"
    """An IANA name, such as Europe/Amsterdam."""

    def __post_init__(self) -> None:
        """Raises ValueError for a zone that does not exist, and for a span of no length."""
        zone_of(self.zone)
        if self.from_ == self.to:
            raise ValueError("from and to are the same; write 00:00 and 24:00 for a whole day")

    def starting_on(self, day: date) -> tuple[datetime, datetime] | None:
        """When the span that begins on that local day begins and ends, in UTC; None where it begins none."""
        if DAYS[day.weekday()] not in self.days:
            return None
        over = self.to == "24:00" or self.to <= self.from_
        end = day + timedelta(days=1) if over else day
        clock = "00:00" if self.to == "24:00" else self.to
        return at_local(day, self.from_, self.zone), at_local(end, clock, self.zone)


@lru_cache(maxsize=1_000)
def zone_of(name: str) -> ZoneInfo:
    """The zone. Raises ValueError where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError) as error:
        raise ValueError(f"there is no time zone {name!r}; write an IANA name, such as Europe/Amsterdam") from error


def at_local(day: date, clock: str, zone: str) -> datetime:
    """That time of that day, in UTC. Where the clocks pass it twice, the first; where they skip it, as much later."""
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=zone_of(zone)).astimezone(UTC)


def quiet_until(quiets: Iterable[Quiet], now: datetime) -> datetime | None:
    """When the quiet that holds at ``now`` ends, in UTC, through spans that follow each other without a gap; None where
    it is not quiet. Never more than ``QUIET_DAYS_MAX`` days away: ask again then."""
    spans = sorted(span for quiet in quiets for span in _around(quiet, now))
    until = now
    for begins, ends in spans:
        if begins <= until < ends:
            until = ends
    return min(until, now + timedelta(days=QUIET_DAYS_MAX)).astimezone(UTC) if until > now else None


def _around(quiet: Quiet, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    today = now.astimezone(zone_of(quiet.zone)).date()
    for days in range(-2, QUIET_DAYS_MAX + 2):
        if span := quiet.starting_on(today + timedelta(days=days)):
            yield span
