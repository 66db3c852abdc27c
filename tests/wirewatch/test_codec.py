"""What is no record of a topic is rejected with a reason, and never reaches a stage."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.topics import ARTICLES

GOOD = {
    "id": "0" * 32,
    "source": "s",
    "title": "t",
    "text": "",
    "first_seen": "2026-01-01T00:00:00Z",
    "content_hash": "0",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("published", "2026-01-01T00:00:00"),  # no zone: it would be another hour on each machine
        ("first_seen", "2026-01-01T00:00:00"),
        ("published", "0001-01-01T00:00:00+14:00"),  # in UTC this is before the first year
        ("first_seen", "9999-12-31T23:59:59-12:00"),
        ("published", "yesterday"),
        ("first_seen", None),
        ("title", 5),
    ],
)
def test_an_article_with_a_time_that_cannot_be_counted_by_or_a_wrong_type_is_invalid(field: str, value: object) -> None:
    with pytest.raises(Rejected) as caught:
        decode(ARTICLES, msgspec.json.encode({**GOOD, field: value}))
    assert caught.value.reason == "invalid"


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_every_time_that_is_accepted_has_a_form_in_utc(moment: datetime) -> None:
    try:
        article = decode(ARTICLES, msgspec.json.encode({**GOOD, "published": moment}))
    except Rejected:
        return
    assert article.published is not None
    assert article.published.astimezone(UTC).timestamp() == article.published.timestamp()


@given(st.binary())
def test_any_bytes_are_decoded_or_rejected(value: bytes) -> None:
    reason = None
    try:
        decode(ARTICLES, value)
    except Rejected as rejected:
        reason = rejected.reason
    assert reason in (None, "invalid", "undecodable")
