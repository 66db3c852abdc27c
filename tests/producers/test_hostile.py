"""Input that is meant to hurt: each kind has its reason, and a dead letter that holds what came."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.accept import Item, Piece, outcome
from producers.formats import Format, Limits, by_content, pieces
from producers.publish import publish
from tests.producers.log import Log
from wirewatch.errors import Rejected
from wirewatch.logs import _UNSAFE
from wirewatch.metrics import Metrics
from wirewatch.records import Article

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits(line_bytes_max=200_000, file_bytes_max=200_000)
DEEP = 100_000

REJECTED: dict[str, tuple[bytes, str]] = {
    "lists within lists": (b'{"title":' + b"[" * DEEP + b"]" * DEEP + b"}", "undecodable|invalid|too-large"),
    "objects within objects": (b'{"a":' * (DEEP // 5) + b"1" + b"}" * (DEEP // 5), "undecodable|empty"),
    "a field over the limit": (json.dumps({"title": "a", "text": "x" * 150_000}).encode(), "too-large"),
    "a line over the limit": (json.dumps({"title": "a", "text": "x" * 300_000}).encode(), "too-large"),
    "no UTF-8": (b'{"title": "\xff\xfe"}', "undecodable"),
    "UTF-8 that is too long": (b'{"title": "\xc0\xaf"}', "undecodable"),
    "a surrogate as bytes": (b'{"title": "\xed\xa0\x80"}', "undecodable"),
    "NaN": (b'{"title": NaN}', "undecodable"),
    "a number for a title": (b'{"title": 1e999}', "undecodable|invalid"),
    "control characters alone": (b'{"title": "\\u0000\\u0007", "text": "\\u001b"}', "empty"),
    "nothing to read": (b'{"title": "  ", "text": "\\u200b \\n"}'.replace(b"\\u200b", b""), "empty"),
    "a script for an address": (b'{"title": "a", "url": "javascript:alert(1)"}', "bad-url"),
    "a file for an address": (b'{"title": "a", "url": "file:///etc/passwd"}', "bad-url"),
    "cut off": (b'{"title": "a', "undecodable"),
    "two objects": (b'{"title": "a"}{"title": "b"}', "undecodable"),
}


def taken(data: bytes, format_: Format = Format.JSONL, article_bytes_max: int = 100_000) -> list[Item]:
    read = pieces(io.BytesIO(data), format_, LIMITS)
    found = [piece for piece in read if isinstance(piece, Piece)]
    return [Item(p.place, outcome(p.raw, now=NOW, article_bytes_max=article_bytes_max), p.original) for p in found]


@pytest.mark.parametrize(("data", "reasons"), REJECTED.values(), ids=REJECTED)
def test_hostile_input_is_a_dead_letter_with_its_reason_and_the_rest_goes_on(
    data: bytes, reasons: str, log: Log
) -> None:
    items = taken(data + b'\n{"title": "De NAVO"}\n')
    publish(items, log.producer, stage="publish", metrics=Metrics())
    [(letter, original)] = log.dead_letters()
    assert letter.reason in reasons.split("|")
    assert data.startswith(original[:100])
    assert letter.origin == ":1"
    assert [article.title for article in log.articles()] == ["De NAVO"]


TIMES = {
    "0001-01-01T00:00:00Z": None,
    "9999-12-31T23:59:59Z": None,
    "9999-12-31T23:59:59-14:00": None,
    "0001-01-01T00:00:00+14:00": None,
    "2026-02-30T00:00:00Z": None,
    "1" * 5_000: None,
    "2024-05-01T10:00:00": "2024-05-01T10:00:00+00:00",
    "2199-01-01T00:00:00Z": "2199-01-01T00:00:00+00:00",
}


@pytest.mark.parametrize("time", TIMES, ids=[time[:30] for time in TIMES])
def test_an_impossible_time_never_costs_the_article_and_never_stays(time: str) -> None:
    [item] = taken(json.dumps({"title": "NAVO", "published": time}).encode())
    assert isinstance(item.outcome, Article)
    published = item.outcome.published
    assert published is None or 1 < published.year < 9999
    assert published is None or published.tzinfo is not None
    if TIMES[time]:
        assert published is None or published.isoformat() == TIMES[time]


def test_of_keys_that_are_there_twice_the_last_one_counts() -> None:
    [item] = taken(b'{"title": "first", "title": "last"}')
    assert isinstance(item.outcome, Article)
    assert item.outcome.title == "last"


def test_characters_that_turn_a_line_round_stay_in_the_text_and_never_reach_a_log_line() -> None:
    [item] = taken(b'{"title": "NAVO \\u202e ohcs"}')
    assert isinstance(item.outcome, Article)
    assert item.outcome.title == "NAVO \u202e ohcs"
    assert _UNSAFE.search("\u202e")
    assert _UNSAFE.search("\x1b")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["title", "text", "url", "a"]), inner),
    max_leaves=12,
)


@given(
    st.binary(max_size=300)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(JSON, max_size=4).map(lambda values: b"\n".join(json.dumps(value).encode() for value in values)),
    st.sampled_from([Format.TEXT, Format.JSONL, Format.JSON, None]),
)
def test_any_bytes_in_any_format_become_articles_or_rejections(data: bytes, format_: Format | None) -> None:
    chosen = format_ or by_content(data) or Format.TEXT
    for item in taken(data, chosen):
        assert isinstance(item.outcome, Article | Rejected)
        if isinstance(item.outcome, Article):
            assert item.outcome.title or item.outcome.text
            assert len(item.outcome.id) == 32
