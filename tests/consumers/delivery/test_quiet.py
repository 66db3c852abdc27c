"""Quiet hours: by the clocks of a zone, over midnight, and when the clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.delivery.quiet import DAYS, QUIET_DAYS_MAX, Quiet, quiet_until

AMSTERDAM = "Europe/Amsterdam"


def quiet(from_: str, to: str, zone: str = "UTC", days: tuple[str, ...] = DAYS) -> Quiet:
    return msgspec.convert({"from": from_, "to": to, "zone": zone, "days": days}, Quiet)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHT = quiet("22:00", "07:00", AMSTERDAM)
WEEKEND = quiet("00:00", "24:00", AMSTERDAM, ("sat", "sun"))


@pytest.mark.parametrize(
    ("quiets", "now", "until"),
    [
        ((), "2026-06-01 23:00", None),
        ((NIGHT,), "2026-06-01 19:59", None),  # 21:59 there, as summer is two hours ahead
        ((NIGHT,), "2026-06-01 20:00", "2026-06-02 05:00"),
        ((NIGHT,), "2026-06-02 04:59", "2026-06-02 05:00"),
        ((NIGHT,), "2026-06-02 05:00", None),  # the end is not part of it
        ((NIGHT,), "2026-12-01 21:00", "2026-12-02 06:00"),  # winter is one hour ahead
        ((WEEKEND,), "2026-06-05 22:00", "2026-06-07 22:00"),  # Saturday and Sunday follow each other
        ((NIGHT, WEEKEND), "2026-06-05 20:30", "2026-06-08 05:00"),  # and so do the nights around them
        ((quiet("22:00", "07:00", AMSTERDAM, ("fri",)),), "2026-06-06 04:00", "2026-06-06 05:00"),  # Friday's night
        ((quiet("22:00", "07:00", AMSTERDAM, ("sat",)),), "2026-06-06 04:00", None),
        # On 29 March 2026 the clocks go from 02:00 to 03:00, on 25 October from 03:00 to 02:00.
        ((NIGHT,), "2026-03-28 23:00", "2026-03-29 05:00"),
        ((NIGHT,), "2026-10-24 22:00", "2026-10-25 06:00"),
        ((quiet("02:30", "04:00", AMSTERDAM),), "2026-03-29 01:20", None),  # 03:20: the skipped 02:30 is 03:30
        ((quiet("02:30", "04:00", AMSTERDAM),), "2026-03-29 01:30", "2026-03-29 02:00"),
        ((quiet("01:00", "02:30", AMSTERDAM),), "2026-10-25 00:29", "2026-10-25 00:30"),  # 02:30 for the first time
        ((quiet("01:00", "02:30", AMSTERDAM),), "2026-10-25 01:15", None),
        ((quiet("09:00", "10:00"), quiet("10:00", "11:00")), "2026-06-01 09:30", "2026-06-01 11:00"),
        ((quiet("09:00", "10:00"), quiet("10:01", "11:00")), "2026-06-01 09:30", "2026-06-01 10:00"),
        ((quiet("00:00", "24:00"),), "2026-06-01 09:30", "2026-06-09 09:30"),  # always: looked at again
    ],
)
def test_quiet_lasts_until_the_end_of_what_follows_without_a_gap(
    quiets: tuple[Quiet, ...], now: str, until: str | None
) -> None:
    assert quiet_until(quiets, at(now)) == (at(until) if until else None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "22:00", "to": "22:00"},
        {"from": "22:00", "to": "7:00"},
        {"from": "24:00", "to": "07:00"},
        {"from": "22:00", "to": "07:00", "zone": "Europe/Nowhere"},
        {"from": "22:00", "to": "07:00", "zone": "../../etc/passwd"},
        {"from": "22:00", "to": "07:00", "days": []},
        {"from": "22:00", "to": "07:00", "days": ["monday"]},
        {"from": "22:00"},
    ],
)
def test_quiet_hours_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Quiet)


CLOCK = st.times().map(lambda time: time.strftime("%H:%M"))
ZONES = st.sampled_from([AMSTERDAM, "UTC", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Asia/Tehran"])
QUIETS = (
    st.tuples(CLOCK, CLOCK, ZONES, st.sets(st.sampled_from(DAYS), min_size=1))
    .filter(lambda each: each[0] != each[1])
    .map(lambda each: quiet(each[0], each[1], each[2], tuple(each[3])))
)


@given(
    quiets=st.lists(QUIETS, max_size=4),
    minute=st.integers(0, 15 * 365 * 24 * 60),
)
def test_quiet_ends_in_the_future_and_it_is_not_quiet_then(quiets: list[Quiet], minute: int) -> None:
    moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    until = quiet_until(quiets, moment)
    if until is not None:
        assert moment < until <= moment + timedelta(days=QUIET_DAYS_MAX)
        if until < moment + timedelta(days=QUIET_DAYS_MAX):
            assert quiet_until(quiets, until) is None
            # Nor does it end on the way.
            assert quiet_until(quiets, moment + (until - moment) / 2) == until


@given(quiets=st.lists(QUIETS, max_size=3), day=st.integers(0, 5_000), minute=st.integers(0, 1_439))
def test_away_from_changes_of_the_clocks_it_is_quiet_exactly_when_the_clock_says_so(
    quiets: list[Quiet], day: int, minute: int
) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=day, minutes=minute)
    expected = False
    for each in quiets:
        local = now.astimezone(ZoneInfo(each.zone))
        offsets = {(local + timedelta(days=days)).utcoffset() for days in (-2, -1, 0, 1, 2)}
        if len(offsets) > 1:
            return
        clock, today, yesterday = f"{local:%H:%M}", DAYS[local.weekday()], DAYS[local.weekday() - 1]
        if each.from_ < each.to:
            expected |= today in each.days and each.from_ <= clock < each.to
        else:
            expected |= (today in each.days and clock >= each.from_) or (yesterday in each.days and clock < each.to)
    assert (quiet_until(quiets, now) is not None) == expected
