"""When a feed is due again, and how often it is expected to bring something. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from producers.feeds.fetch import Failed, Outcome
from wirewatch.retry_after import retry_after_seconds
from wirewatch.settings import Settings

FIRST_WAIT_SECONDS = 3_600.0
"""Where nothing is known of a feed's rhythm."""
ENDED = frozenset(["gone", "refused", "bad-url"])
"""Failures that no later poll can mend."""

JITTER = 0.1
_POLLS_A_GAP = 2
# A feed that has been still for four times as long is polled as if that were its rhythm: a dead one drifts to a day.
_STILL = 4
_NEWEST_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Next:
    """When a feed is due again, and why then; ``when`` None: never."""

    when: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Rhythm:
    """``gap_seconds``: expected time between two articles; ``last_article``: when the newest was first seen."""

    gap_seconds: float | None = None
    last_article: datetime | None = None


def next_poll(
    outcome: Outcome,
    now: datetime,
    settings: Settings,
    *,
    rhythm: Rhythm | None = None,
    failures: int = 0,
    spread: float = 0.0,
) -> Next:
    """When to poll again. ``failures``: how many polls before this one failed in a row.

    ``spread``, from 0 to 1, lengthens the wait by up to a tenth, so that feeds that fell due together part. The wait is
    never below the settings' shortest, nor above their longest.
    """
    least, most = (
        settings.feed_interval_seconds,
        max(settings.feed_interval_seconds, settings.feed_interval_seconds_max),
    )

    def after(seconds: float, reason: str) -> Next:
        wait = min(max(seconds, least) * (1 + JITTER * min(max(spread, 0.0), 1.0)), most)
        return Next(now + timedelta(seconds=wait), reason)

    if isinstance(outcome, Failed):
        if outcome.reason in ENDED:
            return Next(None, outcome.reason)
        asked = retry_after_seconds(outcome.retry_after, now)
        if asked is not None:
            return after(asked, "retry-after")
        # The exponent is bounded too: a feed that is down for a year must not overflow a float.
        return after(least * 2 ** min(failures, 20), "backoff")
    wait = wait_seconds(rhythm or Rhythm(), now, settings)
    if outcome.max_age is not None and outcome.max_age > wait:
        return after(outcome.max_age, "max-age")
    return after(wait, "rhythm" if rhythm and rhythm.gap_seconds is not None else "first")


def wait_seconds(rhythm: Rhythm, now: datetime, settings: Settings) -> float:
    """Half the expected time to the next article; an hour where nothing is known."""
    if rhythm.gap_seconds is None:
        expected = FIRST_WAIT_SECONDS * _POLLS_A_GAP
    else:
        still = (now - rhythm.last_article).total_seconds() if rhythm.last_article else 0.0
        expected = max(rhythm.gap_seconds, still / _STILL)
    return max(settings.feed_interval_seconds, expected / _POLLS_A_GAP)


def arrived(rhythm: Rhythm, new: int, published: Iterable[datetime], now: datetime) -> Rhythm:
    """The rhythm after a document with ``new`` articles; ``published``: the times that its items claim.

    The first document tells the rhythm by its dates; after that only what came between two polls counts, since
    publishers' dates lie.
    """
    if new == 0:
        return rhythm
    if rhythm.last_article is None:
        dates = sorted(date for date in published if date <= now)
        if not dates:
            return Rhythm(None, now)
        gap = (now - dates[0]).total_seconds() / len(dates) if len(dates) > 1 else None
        return Rhythm(gap, dates[-1])
    sample = max(0.0, (now - rhythm.last_article).total_seconds()) / new
    old = rhythm.gap_seconds
    return Rhythm(sample if old is None else (1 - _NEWEST_WEIGHT) * old + _NEWEST_WEIGHT * sample, now)
