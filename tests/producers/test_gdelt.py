"""GDELT: rows of the GKG, lists of the DOC API, and what is neither."""

from __future__ import annotations

import html
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.accept import Passed, Piece, RawArticle
from producers.formats import Format, Limits, by_content, by_name, pieces
from producers.gdelt import article_list, gkg_row
from producers.languages import language_code
from wirewatch.errors import Rejected

SAMPLES = Path(__file__).parents[1] / "data/readers"
LIMITS = Limits(line_bytes_max=100_000, file_bytes_max=100_000)
_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n"), max_size=20)


def _row(**columns: str) -> bytes:
    cells = [""] * 27
    cells[0], cells[1], cells[2], cells[4] = "20200106101500-0", "20200106101500", "1", "https://daily.example/1"
    for name, value in columns.items():
        cells[{"date": 1, "collection": 2, "source": 3, "url": 4, "translation": 25, "extras": 26}[name]] = value
    return "\t".join(cells).encode()


def _read(data: bytes, format_: Format = Format.GDELT) -> list[Piece | Passed]:
    return list(pieces(io.BytesIO(data), format_, LIMITS))


def test_a_gkg_file_gives_its_headlines_with_line_numbers() -> None:
    found = _read((SAMPLES / "20200106101500.gkg.csv").read_bytes())
    assert [each.place if isinstance(each, Piece) else each.why for each in found] == [
        ":1",
        ":2",
        "no headline, and GDELT gives no text",
        "not web pages, but broadcasts and print",
    ]
    assert isinstance(found[0], Piece)
    assert found[0].raw == RawArticle(
        url="https://daily.example/world/nato-iraq",
        source="daily.example",
        title="NATO suspends training – allies & Iraq wait",
        language="en",
        authors="Kim Lee;Jo Park",
        published="2020-01-06T09:30:00Z",
    )


def test_a_translated_page_has_the_language_of_its_headline_and_the_time_of_the_file() -> None:
    found = gkg_row(_row(translation="srclc:nld;eng:GT-NLD 1.0", extras="<PAGE_TITLE>NAVO</PAGE_TITLE>"))
    assert isinstance(found, RawArticle)
    assert (found.language, found.published) == ("nl", "2020-01-06T10:15:00Z")


def test_a_headline_with_markup_of_its_own_is_read_as_it_is() -> None:
    found = gkg_row(_row(extras="<PAGE_TITLE>Q&A: <i>Iran</i> & the deal</PAGE_TITLE>"))
    assert isinstance(found, RawArticle)
    assert found.title == "Q&A: <i>Iran</i> & the deal"


def test_a_row_with_too_few_columns_is_rejected_and_the_next_one_read() -> None:
    good = _row(extras="<PAGE_TITLE>een</PAGE_TITLE>")
    found = _read(b"20200106101500-1\t20200106101500\tx\r\n\n" + good + b"\n")
    assert [each.place for each in found if isinstance(each, Piece)] == [":1", ":3"]
    assert isinstance(found[0], Piece)
    assert str(found[0].raw) == "invalid: columns: 3; a row of GDELT's GKG 2.1 has 27, with tabs between them"


@pytest.mark.parametrize(("columns", "table"), [(61, "events"), (58, "events"), (16, "mentions")])
def test_another_table_is_one_rejection_that_says_what_to_give(columns: int, table: str) -> None:
    found = _read(b"\t".join([b"1"] * columns) + b"\n" + b"\t".join([b"2"] * columns))
    assert len(found) == 1
    assert isinstance(found[0], Piece)
    assert isinstance(found[0].raw, Rejected)
    assert f"GDELT's {table} table" in found[0].raw.detail


@pytest.mark.parametrize("format_", [Format.GDELT, Format.JSON])
def test_a_list_of_the_doc_api_gives_its_articles(format_: Format) -> None:
    found = _read((SAMPLES / "doc-artlist.json").read_bytes(), format_)
    raws = [(each.place, each.raw) for each in found if isinstance(each, Piece)]
    assert [place for place, _ in raws] == ["#0", "#1"]
    assert raws[0][1] == RawArticle(
        url="https://periodico.example/mundo/otan-irak",
        source="periodico.example",
        title="La OTAN suspende su misión en Irak",
        language="es",
        published="2020-01-06T10:15:00Z",
    )


def test_a_bad_element_of_a_list_is_a_rejection_among_the_others() -> None:
    found = article_list(b'{"articles": [{"title": "no url"}, {"url": "https://a.example", "title": "een"}]}')
    assert [isinstance(each.raw, Rejected) for each in found] == [True, False]


def test_the_formats_are_recognised_by_name_and_by_content() -> None:
    gkg = (SAMPLES / "20200106101500.gkg.csv").read_bytes()
    doc = (SAMPLES / "doc-artlist.json").read_bytes()
    assert by_name("20200106101500.gkg.csv") is Format.GDELT
    assert by_content(gkg) is Format.GDELT
    assert by_content(doc) is by_content(doc.replace(b"\n", b"")) is Format.JSON


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nld", "nl"),
        ("dut", "nl"),
        ("Dutch", "nl"),
        ("nl", "nl"),
        ("zho", "zh"),
        ("", None),
        (None, None),
        ("xx", None),
    ],
)
def test_languages_have_two_letters(name: str | None, code: str | None) -> None:
    assert language_code(name) == code


@given(st.binary(max_size=300) | st.lists(_CELL, min_size=27, max_size=27).map(lambda cells: "\t".join(cells).encode()))
def test_anything_is_an_article_passed_or_a_rejection(data: bytes) -> None:
    for each in (*_read(data), *_read(b"{" + data), *_read(data, Format.JSON)):
        rejected = each.raw if isinstance(each, Piece) and isinstance(each.raw, Rejected) else None
        assert rejected is None or rejected.reason in {"invalid", "undecodable", "withheld"}


@given(url=_CELL, source=_CELL, title=_CELL.filter(str.strip))
def test_what_is_written_in_a_row_or_a_list_is_read_back(url: str, source: str, title: str) -> None:
    row = gkg_row(_row(url=url, source=source, extras=f"<PAGE_TITLE>{html.escape(title)}</PAGE_TITLE>"))
    assert isinstance(row, RawArticle)
    assert (row.url, row.source, row.title) == (url, source, title.strip())
    listed = json.dumps({"articles": [{"url": url, "domain": source, "title": html.escape(title)}]}).encode()
    (piece,) = article_list(listed)
    assert isinstance(piece.raw, RawArticle)
    assert (piece.raw.url, piece.raw.source, piece.raw.title) == (url, source, title)
