"""Accepting: what becomes an article, how it is cleaned, and the named reason for what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.accept import RawArticle, accept, clean_text, outcome, parse_raw, primary_language
from producers.dates import parse_time
from wirewatch.codec import decode
from wirewatch.errors import Rejected
from wirewatch.records import Article
from wirewatch.topics import ARTICLES

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)


def _accept(**fields: Any) -> Article:
    return accept(RawArticle(**fields), now=NOW, article_bytes_max=10_000)


def test_an_article_carries_what_came_in_and_when() -> None:
    article = _accept(
        url="https://nieuws.example/a?utm_source=rss",
        title=" NAVO \n schort training op ",
        text="Eén.\r\nTwee.",
        summary="Kort",
        language="nl-BE",
        authors="Jan; An",
        published="2020-01-06T10:00:00+01:00",
    )
    assert article == Article(
        id=_accept(url="https://nieuws.example/a", title="x").id,
        source="nieuws.example",
        title="NAVO schort training op",
        text="Eén.\nTwee.",
        summary="Kort",
        first_seen=NOW,
        content_hash=article.content_hash,
        url="https://nieuws.example/a?utm_source=rss",
        language="nl",
        authors=("Jan", "An"),
        published=datetime(2020, 1, 6, 9, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "empty"),
        ({"title": " \n", "text": "\x00\x07"}, "empty"),
        ({"summary": "only a summary"}, "empty"),
        ({"text": "x", "url": "ftp://e.example/a"}, "bad-url"),
        ({"text": "x", "url": "e.example"}, "bad-url"),
        ({"text": "x" * 10_000}, "too-large"),
    ],
)
def test_each_refusal_has_its_own_reason(fields: dict[str, str], reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        _accept(**fields)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "undecodable"),
        (b"{", "undecodable"),
        (b'{"title": "\xff"}', "undecodable"),
        (b"[" * 100_000, "invalid"),
        (b'{"x": ' + b"[" * 100_000, "undecodable"),
        (b"[]", "invalid"),
        (b'{"title": 1}', "invalid"),
        (b'{"authors": [1]}', "invalid"),
        (b'{"published": 1578304800}', "invalid"),
    ],
)
def test_what_is_no_raw_article_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_raw(data)
    assert caught.value.reason == reason


def test_the_source_is_what_the_caller_says_then_what_the_input_says_then_the_host() -> None:
    raw = RawArticle(title="x", source=" De  Krant ", url="https://nieuws.example/a")
    assert accept(raw, now=NOW, article_bytes_max=9_999, source="anp").source == "anp"
    assert accept(raw, now=NOW, article_bytes_max=9_999).source == "De Krant"
    assert _accept(title="x", url="https://nieuws.example:8443/a").source == "nieuws.example"
    assert _accept(title="x").source == "local"


def test_a_title_that_holds_the_whole_article_loses_nothing() -> None:
    article = _accept(title="woord " * 500)
    assert len(article.title) <= 500
    assert article.title.endswith("…")
    assert article.text == ("woord " * 500).strip()


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\x00b\x1b[31m\x9d", "ab[31m"),
        ("a\tb\r\nc\rd\x85e", "a\tb\nc\nd\ne"),
        ("\ud83d\ude00", "😀"),
        ("a\ud83d b", "a\ufffd b"),
        (" \u00a0x\u3000", "x"),
    ],
)
def test_text_is_cleaned(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("nl", "nl"),
        ("NL_be", "nl"),
        (" zh-Hant-TW ", "zh"),
        ("ckb", "ckb"),
        ("und", None),
        ("x-klingon", None),
        ("", None),
        (None, None),
        ("Nederlands", None),
        ("n", None),
    ],
)
def test_a_language_is_its_primary_subtag(tag: str | None, language: str | None) -> None:
    assert primary_language(tag) == language


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2020-01-06T10:00:00Z", "2020-01-06T10:00:00+00:00"),
        ("2020-01-06t10:00:00.123456789+01:30", "2020-01-06T08:30:00.123456+00:00"),
        ("2020-01-06 10:00", "2020-01-06T10:00:00+00:00"),
        ("2020-01-06T10:00:00+0100", "2020-01-06T09:00:00+00:00"),
        ("2020-01-06", "2020-01-06T00:00:00+00:00"),
        ("Mon, 06 Jan 2020 10:00:00 +0100", "2020-01-06T09:00:00+00:00"),
        ("Mon, 06 Jan 2020 10:00:00 EST", "2020-01-06T15:00:00+00:00"),
        ("06 Jan 20 10:00 GMT", "2020-01-06T10:00:00+00:00"),
        ("Mon, 06 Jan 2020 10:00:00 -0000", "2020-01-06T10:00:00+00:00"),
        ("2020-02-30", None),
        ("yesterday", None),
        ("", None),
        ("1899-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2020-W01-1", None),
        (None, None),
    ],
)
def test_a_claimed_time_is_read_in_the_spellings_that_sources_use(text: str | None, time: str | None) -> None:
    assert parse_time(text) == (None if time is None else datetime.fromisoformat(time))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from(RawArticle.__struct_fields__)
field_values = json_values | st.sampled_from(["https://e.example/a", "2020-01-06", "nl"]) | st.lists(st.text())
raw_json = st.dictionaries(names, field_values).map(msgspec.json.encode)


@given(raw_json | json_values.map(msgspec.json.encode) | st.binary())
def test_any_input_is_accepted_or_rejected_and_what_is_accepted_can_be_read_back(data: bytes) -> None:
    article = _accepted(data)
    if isinstance(article, Rejected):
        assert article.reason in {"undecodable", "invalid", "empty", "bad-url", "too-large"}
    else:
        assert decode(ARTICLES, ARTICLES.encode(article)) == article
        assert article.title or article.text


def _accepted(data: bytes) -> Article | Rejected:
    try:
        return accept(parse_raw(data), now=NOW, article_bytes_max=900_000)
    except Rejected as rejected:
        return rejected


texts = st.text() | st.text(st.characters(categories=["Cc", "Cs", "Zs", "Lu"]))


@given(st.builds(RawArticle, title=texts, text=texts, summary=texts, source=texts, published=texts, language=texts))
def test_accepting_what_was_accepted_changes_nothing(raw: RawArticle) -> None:
    first = outcome(raw, now=NOW, article_bytes_max=900_000)
    if isinstance(first, Article):
        again = RawArticle(title=first.title, text=first.text, summary=first.summary, source=first.source)
        second = accept(again, now=NOW, article_bytes_max=900_000)
        assert (second.id, second.content_hash) == (first.id, first.content_hash)
