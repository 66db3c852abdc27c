"""Whether a receiver may be sent to now: its breaker, its pace, what it asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consumers.delivery.answers import OUTCOMES, RECEIVER_AT_FAULT, Answer, Outcome
from consumers.delivery.breaker import DOUBLINGS_MAX, FAILURES_MAX, OPEN_SECONDS, Breaker, after
from consumers.delivery.bucket import Bucket, Rate, take
from consumers.delivery.standing import Disabled, Hold, Standing, decode, encode, permit

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)
RATE = Rate(per_minute=60, burst=2)
EMPTY = Bucket(tokens=0, at=NOW.timestamp())


@pytest.mark.parametrize(
    ("standing", "rate", "reason", "when"),
    [
        (Standing(), None, "allowed", None),
        (Standing(), RATE, "allowed", None),
        (Standing(bucket=EMPTY), RATE, "paced", NOW + timedelta(seconds=1)),
        # Without a rate there is no pace.
        (Standing(bucket=EMPTY), None, "allowed", None),
        (Standing(breaker=Breaker(failures=5, openings=1, until=LATER)), RATE, "breaker-open", LATER),
        (Standing(breaker=Breaker(failures=5, openings=1, until=NOW)), RATE, "probe", None),
        (Standing(hold=Hold(until=LATER)), RATE, "held", LATER),
        (Standing(hold=Hold(until=NOW)), RATE, "allowed", None),
        # What lasts longest is told first.
        (Standing(disabled=Disabled(at=NOW, why="410"), hold=Hold(until=LATER)), RATE, "disabled", None),
        (Standing(hold=Hold(until=LATER), breaker=Breaker(until=LATER)), RATE, "held", LATER),
    ],
)
def test_a_permit_says_why(standing: Standing, rate: Rate | None, reason: str, when: datetime | None) -> None:
    found = permit(standing, rate, NOW)
    assert (found.reason, found.when) == (reason, when)
    assert found.given is (reason in ("allowed", "probe"))


def test_a_permit_takes_a_token_and_a_refusal_takes_none() -> None:
    first = permit(Standing(), RATE, NOW)
    second = permit(first.standing, RATE, NOW)
    third = permit(second.standing, RATE, NOW)
    assert [first.reason, second.reason, third.reason] == ["allowed", "allowed", "paced"]
    assert permit(third.standing, RATE, NOW + timedelta(seconds=1)).reason == "allowed"


def _answers(*outcomes: Outcome) -> Breaker:
    breaker = Breaker()
    for outcome in outcomes:
        breaker = after(breaker, Answer(outcome=outcome), NOW)
    return breaker


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        (["timeout"] * (FAILURES_MAX - 1), "closed"),
        (["timeout"] * FAILURES_MAX, "open"),
        # A success in between begins the count anew.
        (["timeout"] * (FAILURES_MAX - 1) + ["delivered", "timeout"], "closed"),
        # What may be the notification's own fault says nothing of the receiver.
        (["http-status"] * 50, "closed"),
        (["timeout"] * (FAILURES_MAX - 1) + ["http-status", "timeout"], "open"),
        # To be told to wait is an answer of a healthy receiver.
        (["rate-limited"] * 50, "closed"),
    ],
)
def test_a_breaker_opens_after_failures_in_a_row(outcomes: list[Outcome], state: str) -> None:
    assert _answers(*outcomes).state(NOW) == state


def test_a_breaker_that_is_half_open_closes_by_one_answer_and_opens_for_twice_as_long_by_one_failure() -> None:
    failures: list[Outcome] = ["timeout"] * FAILURES_MAX
    opened = _answers(*failures)
    assert opened.until is not None
    assert (opened.until - NOW).total_seconds() == OPEN_SECONDS
    assert opened.state(opened.until) == "half-open"
    assert after(opened, Answer(outcome="delivered"), opened.until) == Breaker()
    assert after(opened, Answer(outcome="http-status"), opened.until) == Breaker()
    again = after(opened, Answer(outcome="timeout"), opened.until)
    assert again.until is not None
    assert (again.until - opened.until).total_seconds() == 2 * OPEN_SECONDS


@given(st.lists(st.sampled_from(OUTCOMES), max_size=40))
def test_a_breaker_never_opens_for_ever(outcomes: list[Outcome]) -> None:
    breaker, now = Breaker(), NOW
    for outcome in outcomes:
        breaker = after(breaker, Answer(outcome=outcome), now)
        if outcome not in RECEIVER_AT_FAULT:
            assert breaker.state(now) == "closed"
        if breaker.until is not None:
            assert (breaker.until - now).total_seconds() <= OPEN_SECONDS * 2**DOUBLINGS_MAX
            now = breaker.until


class Buckets(RuleBasedStateMachine):
    """However the clock goes, no more is given than the rate and the burst allow, and waiting as told is enough."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = Rate(per_minute=30, burst=3)
        self.bucket: Bucket | None = None
        self.now = self.start = 1_000_000.0
        self.given = 0

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        taken = take(self.bucket, self.rate, self.now)
        self.bucket = taken.bucket
        if taken.wait_seconds:
            assert take(taken.bucket, self.rate, self.now + taken.wait_seconds + 1e-6).wait_seconds == 0
        else:
            self.given += 1

    @invariant()
    def within_the_rate(self) -> None:
        assert self.given <= self.rate.burst + (self.now - self.start) * self.rate.per_minute / 60 + 1e-3


TestBuckets = Buckets.TestCase


def test_a_clock_that_went_back_stops_nobody_for_long() -> None:
    taken = take(Bucket(tokens=0, at=1e12), RATE, 1_000.0)
    assert taken.wait_seconds == 1
    assert take(taken.bucket, RATE, 1_001.0).wait_seconds == 0


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
STANDINGS = st.builds(
    Standing,
    disabled=st.none() | st.builds(Disabled, at=MOMENTS, why=st.text(max_size=20)),
    breaker=st.builds(Breaker, failures=st.integers(0, 99), openings=st.integers(0, 99), until=st.none() | MOMENTS),
    bucket=st.none() | st.builds(Bucket, tokens=st.floats(0, 100), at=st.floats(0, 1e10)),
    hold=st.none() | st.builds(Hold, until=MOMENTS),
)


@given(STANDINGS)
def test_a_standing_is_read_back_as_it_was_stored(standing: Standing) -> None:
    kept, gone = encode(standing)
    assert decode(kept) == standing
    assert not set(kept) & set(gone)
    assert set(kept) | set(gone) == {"disabled", "breaker", "bucket", "hold"}


@given(st.dictionaries(st.sampled_from(["disabled", "breaker", "bucket", "hold", "else"]), st.text(max_size=40)))
def test_a_standing_that_cannot_be_read_stops_nothing(fields: dict[str, Any]) -> None:
    assert isinstance(decode(fields), Standing)
