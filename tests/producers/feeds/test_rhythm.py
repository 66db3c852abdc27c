"""When a feed is due again: a decision of its answer, its rhythm and the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.feeds.fetch import Conditional, Failed, Fetched, NotModified, Outcome, max_age_seconds
from producers.feeds.rhythm import Rhythm, arrived, next_poll
from wirewatch.retry_after import retry_after_seconds
from wirewatch.settings import Settings

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)
SETTINGS = Settings()
FETCHED = Fetched("https://e.example/", b"", None, Conditional())
SAME = NotModified(Conditional())
DAY = 86_400


def _fresh(gap: float, still: float = 0) -> Rhythm:
    return Rhythm(gap, NOW - timedelta(seconds=still))


@pytest.mark.parametrize(
    ("outcome", "rhythm", "failures", "seconds", "reason"),
    [
        # Nothing known: an hour. Known: half the gap, from five minutes to a day.
        (FETCHED, None, 0, 3_600, "first"),
        (SAME, None, 0, 3_600, "first"),
        (FETCHED, _fresh(7_200), 0, 3_600, "rhythm"),
        (SAME, _fresh(60), 0, 300, "rhythm"),
        (SAME, _fresh(100 * DAY), 0, DAY, "rhythm"),
        # Still for longer than its rhythm: less often, up to a day.
        (SAME, _fresh(600, still=8 * 3_600), 0, 3_600, "rhythm"),
        (SAME, _fresh(600, still=300 * DAY), 0, DAY, "rhythm"),
        # The server's max-age lengthens the wait, never shortens it, and a day is the most.
        (Fetched("u", b"", None, Conditional(), max_age=7_200), _fresh(600), 0, 7_200, "max-age"),
        (NotModified(Conditional(), 10), _fresh(600), 0, 300, "rhythm"),
        (NotModified(Conditional(), 1e9), _fresh(600), 0, DAY, "max-age"),
        # Success after failures starts afresh.
        (FETCHED, _fresh(600), 9, 300, "rhythm"),
        # Each failure doubles the wait, up to a day.
        (Failed("timeout", ""), None, 0, 300, "backoff"),
        (Failed("http-status", ""), None, 1, 600, "backoff"),
        (Failed("connection", ""), _fresh(600), 3, 2_400, "backoff"),
        (Failed("connection", ""), None, 10_000, DAY, "backoff"),
        # The server's own wait goes before ours.
        (Failed("rate-limited", "", "1200"), None, 5, 1_200, "retry-after"),
        (Failed("unavailable", "", "Mon, 06 Jan 2020 13:00:00 GMT"), None, 0, 3_600, "retry-after"),
        (Failed("rate-limited", "", "1"), None, 0, 300, "retry-after"),
        (Failed("rate-limited", "", "99999999999999999999"), None, 0, DAY, "retry-after"),
        (Failed("rate-limited", "", "soon"), None, 0, 300, "backoff"),
        # What cannot get better ends.
        (Failed("gone", ""), None, 0, None, "gone"),
        (Failed("refused", ""), None, 0, None, "refused"),
        (Failed("bad-url", ""), None, 0, None, "bad-url"),
    ],
)
def test_the_next_poll_has_its_time_and_reason(
    outcome: Outcome, rhythm: Rhythm | None, failures: int, seconds: int | None, reason: str
) -> None:
    following = next_poll(outcome, NOW, SETTINGS, rhythm=rhythm, failures=failures)
    assert following.reason == reason
    assert following.when == (None if seconds is None else NOW + timedelta(seconds=seconds))


OUTCOMES = st.one_of(
    st.builds(Fetched, st.just("u"), st.just(b""), st.none(), st.just(Conditional()), max_age=st.none() | st.floats(0)),
    st.builds(NotModified, st.just(Conditional()), st.none() | st.floats(0)),
    st.builds(
        Failed,
        st.sampled_from(["timeout", "http-status", "rate-limited"]),
        st.just(""),
        st.none() | st.text(max_size=12) | st.integers(0, 10**12).map(str),
    ),
)
MOMENTS = st.integers(0, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
RHYTHMS = st.builds(
    Rhythm,
    st.none() | st.floats(0, 1e9),
    st.none() | MOMENTS,
)


@given(OUTCOMES, RHYTHMS, st.integers(0, 10**6), st.floats(0, 1))
def test_a_feed_that_can_mend_is_asked_again_within_a_day_and_never_within_five_minutes(
    outcome: Outcome, rhythm: Rhythm, failures: int, spread: float
) -> None:
    following = next_poll(outcome, NOW, SETTINGS, rhythm=rhythm, failures=failures, spread=spread)
    assert following.when is not None
    wait = (following.when - NOW).total_seconds()
    assert 300 <= wait <= DAY


@given(OUTCOMES, RHYTHMS, st.integers(0, 50), st.floats(0, 1))
def test_jitter_only_ever_waits_longer(outcome: Outcome, rhythm: Rhythm, failures: int, spread: float) -> None:
    plain = next_poll(outcome, NOW, SETTINGS, rhythm=rhythm, failures=failures)
    spread_out = next_poll(outcome, NOW, SETTINGS, rhythm=rhythm, failures=failures, spread=spread)
    assert plain.when is not None
    assert spread_out.when is not None
    assert spread_out.when >= plain.when


@given(st.text(max_size=40) | st.none())
def test_any_retry_after_header_is_read_or_ignored(header: str | None) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("max-age=60", 60),
        ("public, Max-Age = 3600, must-revalidate", 3_600),
        ("s-maxage=60", None),
        ("no-cache, max-age=60", None),
        ("max-age=", None),
        ('max-age="90"', 90),
    ],
)
def test_max_age_is_read_from_cache_control(header: str | None, seconds: float | None) -> None:
    assert max_age_seconds(header) == seconds


def test_the_first_document_tells_the_rhythm_by_its_dates_and_later_ones_by_what_came_between_polls() -> None:
    hours = [NOW - timedelta(hours=n) for n in (1, 2, 3, 4)]
    first = arrived(Rhythm(), 4, hours, NOW)
    assert first == Rhythm(3_600, hours[0])
    later = NOW + timedelta(hours=1)
    assert arrived(first, 0, [], later) == first
    second = arrived(first, 2, [], later)
    assert second == Rhythm(0.7 * 3_600 + 0.3 * 3_600, later)


@given(
    RHYTHMS,
    st.integers(0, 500),
    st.lists(MOMENTS, max_size=20),
)
def test_a_rhythm_is_never_negative_and_its_last_article_never_in_the_future(
    rhythm: Rhythm, new: int, published: list[datetime]
) -> None:
    learnt = arrived(rhythm, new, published, NOW)
    assert learnt.gap_seconds is None or learnt.gap_seconds >= 0
    assert learnt == rhythm or (learnt.last_article is not None and learnt.last_article <= NOW)
