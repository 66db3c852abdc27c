"""What becomes of a notification after a try to send it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.delivery.answers import OUTCOMES, Answer, Outcome, answered
from consumers.delivery.retry import JITTER, RETRY_AFTER_SECONDS_MAX, next_try

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = 86_400.0


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        # Followed, a redirect could lead anywhere.
        (301, "redirect"),
        (304, "redirect"),
        (400, "http-status"),
        (401, "unavailable"),
        (404, "unavailable"),
        (410, "gone"),
        (413, "http-status"),
        (429, "rate-limited"),
        (500, "unavailable"),
        (503, "unavailable"),
        (199, "http-status"),
    ],
)
def test_only_2xx_is_success(status: int, outcome: Outcome) -> None:
    assert answered(status, None, b"", seconds=0.1, now=NOW).outcome == outcome


@pytest.mark.parametrize(
    ("outcome", "retry_after", "tries", "reason", "wait", "counted"),
    [
        ("delivered", None, 0, "delivered", None, 1),
        ("delivered", None, 9, "delivered", None, 10),
        ("unavailable", None, 0, "backoff", 5, 1),
        ("timeout", None, 1, "backoff", 300, 2),
        ("connection", None, 8, "backoff", DAY, 9),
        # The tenth try was the last.
        ("unavailable", None, 9, "given-up", None, 10),
        ("http-status", None, 9, "given-up", None, 10),
        # It stays in the queue, for the day when someone enables the receiver again.
        ("gone", None, 3, "gone", 0, 4),
        # To be told to wait is no failed try.
        ("rate-limited", 60, 0, "retry-after", 60, 0),
        ("rate-limited", None, 4, "rate-limited", 7_200, 4),
        ("rate-limited", None, 0, "rate-limited", 5, 0),
        ("unavailable", 60, 0, "retry-after", 60, 1),
        # Asked to come again sooner than we would: we do not.
        ("unavailable", 60, 1, "backoff", 300, 2),
        ("rate-limited", 10 * DAY, 0, "retry-after", RETRY_AFTER_SECONDS_MAX, 0),
    ],
)
def test_the_next_try_has_a_reason_and_a_time(
    outcome: Outcome, retry_after: float | None, tries: int, reason: str, wait: float | None, counted: int
) -> None:
    found = next_try(Answer(outcome=outcome, retry_after=retry_after), tries, NOW, jitter=0)
    assert (found.reason, found.tries) == (reason, counted)
    assert found.when == (None if wait is None else NOW + timedelta(seconds=wait))


def test_a_receiver_that_asks_to_wait_gets_nothing_at_all_until_then() -> None:
    found = next_try(Answer(outcome="rate-limited", retry_after=60), 0, NOW, jitter=1)
    assert found.hold == NOW + timedelta(seconds=60)
    assert next_try(Answer(outcome="unavailable"), 0, NOW, jitter=1).hold is None


def test_a_receiver_that_only_ever_asks_to_wait_is_never_given_up() -> None:
    tries = 0
    for _ in range(100):
        tries = next_try(Answer(outcome="rate-limited"), tries, NOW, jitter=0).tries
    assert next_try(Answer(outcome="rate-limited"), tries, NOW, jitter=0).reason == "rate-limited"


@given(
    st.sampled_from(OUTCOMES),
    st.none() | st.floats(0, 1e12),
    st.integers(0, 50),
    st.floats(0, 1),
    st.lists(st.floats(0, DAY), max_size=12),
)
def test_every_notification_is_delivered_or_due_again_in_bounds_or_given_up(
    outcome: Outcome, retry_after: float | None, tries: int, jitter: float, waits: list[float]
) -> None:
    found = next_try(Answer(outcome=outcome, retry_after=retry_after), tries, NOW, jitter=jitter, waits=waits)
    assert tries <= found.tries <= tries + 1
    if found.when is not None:
        assert outcome != "delivered"
        assert timedelta(0) <= found.when - NOW <= timedelta(seconds=max(DAY * (1 + JITTER), RETRY_AFTER_SECONDS_MAX))
    else:
        assert found.reason in ("delivered", "given-up")


@given(st.floats(0, 1))
def test_ten_tries_are_made_over_three_days(jitter: float) -> None:
    now, tries = NOW, 0
    made = 0
    while True:
        made += 1
        found = next_try(Answer(outcome="timeout"), tries, now, jitter=jitter)
        if found.when is None:
            break
        now, tries = found.when, found.tries
    assert made == 10
    assert timedelta(days=3) < now - NOW < timedelta(days=4)


@given(st.binary(max_size=2000), st.text(max_size=40) | st.none(), st.integers(100, 599))
def test_whatever_comes_back_is_short_clean_text(reply: bytes, retry_after: str | None, status: int) -> None:
    answer = answered(status, retry_after, reply, seconds=1, now=NOW)
    assert len(answer.reply) <= 256
    assert not set(answer.reply) & set("\x00\x1b\r\n\u202e")
    assert answer.retry_after is None or answer.retry_after >= 0
