"""How a feed is: a decision of what is known of it and the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from wirewatch.feed_state import FeedState, decode_state, encode, health, spoken

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WELL = FeedState(url="u", last_success=NOW, last_article=NOW - HOUR, gap_seconds=600.0)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "ok"),
        ({"last_success": None, "last_article": None}, "new"),
        ({"last_article": None}, "new"),
        # One or two failures are no news; the third is.
        ({"failures": 2, "last_error": "timeout"}, "ok"),
        ({"failures": 3, "last_error": "timeout"}, "failing"),
        # Of one that never answered the first is.
        ({"failures": 1, "last_error": "connection", "last_success": None, "last_article": None}, "failing"),
        ({"failures": 3, "ended": "gone"}, "ended"),
        # Ten articles an hour: a night is no silence, a day is.
        ({"last_article": NOW - 12 * HOUR}, "ok"),
        ({"last_article": NOW - 13 * HOUR}, "silent"),
        # One article a day: four days.
        ({"last_article": NOW - 96 * HOUR, "gap_seconds": 86_400.0}, "ok"),
        ({"last_article": NOW - 97 * HOUR, "gap_seconds": 86_400.0}, "silent"),
        # A feed whose rhythm is not known may still fall silent.
        ({"last_article": NOW - 13 * HOUR, "gap_seconds": None}, "silent"),
        # That it cannot be fetched explains that it is silent.
        ({"last_article": NOW - 97 * HOUR, "failures": 9}, "failing"),
    ],
)
def test_a_feed_has_one_health_the_gravest_that_applies(changes: dict[str, object], word: str) -> None:
    assert health(msgspec.structs.replace(WELL, **changes), NOW).word == word


def test_a_state_comes_back_as_it_was_stored_and_an_unreadable_one_starts_afresh() -> None:
    assert decode_state("u", encode(WELL)) == WELL
    assert decode_state("u", "{") == decode_state("u", None) == FeedState(url="u")


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")]
)
def test_a_length_of_time_is_said_in_its_largest_unit(seconds: int, words: str) -> None:
    assert spoken(timedelta(seconds=seconds)) == words
