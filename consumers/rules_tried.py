"""Explain and backtest over the retained log within bounds, for whoever must answer soon (the API)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from consumers.backtest import Backtest, backtest, stories
from consumers.retained import mentions_in, newest_of, span_since
from consumers.rules import RuleSet
from wirewatch.broker import Admin
from wirewatch.records import Mentions
from wirewatch.settings import Settings

RECORDS_MAX = 20_000
SECONDS_MAX = 10.0


def try_rules(
    admin: Admin,
    candidate: RuleSet,
    current: RuleSet,
    settings: Settings,
    *,
    since: datetime,
    records_max: int = RECORDS_MAX,
    seconds_max: float = SECONDS_MAX,
    clock: Callable[[], float] = time.monotonic,
) -> Backtest:
    """What ``candidate`` would have raised since then, beside ``current``: of at most so many records, the newest, and
    for at most so long; ``complete`` says whether that was all. Raises BrokerUnavailable; changes nothing."""
    end = clock() + seconds_max
    span = span_since(admin, since, records_max)
    return backtest(
        mentions_in(admin, span),
        candidate,
        current,
        story_of=stories(settings),
        complete=not span.cut,
        go_on=lambda _: clock() < end,
    )


def article_of_log(
    admin: Admin, article_id: str, *, seconds_max: float = SECONDS_MAX, clock: Callable[[], float] = time.monotonic
) -> Mentions | None:
    """The newest record of the article that the log holds, to be explained (consumers/explaining.py); None where there
    is none, or where it was not found so soon. Raises BrokerUnavailable."""
    end = clock() + seconds_max
    found = None
    for step in newest_of(admin, article_id):
        found = step
        if clock() >= end:
            break
    return found
