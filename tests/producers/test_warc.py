"""Web archives: what a crawler writes, what is damaged in them, bombs, and anything at all."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.accept import Item, Passed
from producers.documents import Document, parse
from producers.feed import Feed
from producers.files import Reader, Skipped
from producers.formats import Format, Limits, by_content, by_name, pieces
from producers.warc import Capture, Captured, captures, decoded
from tests.producers.archives import PAGE, chunked, crawl, gzipped, record, response, text
from tests.producers.test_files import NOW
from wirewatch.errors import Rejected
from wirewatch.records import Article

BYTES_MAX = 50_000
URL = "https://journal.example/1"


def _captures(data: bytes) -> list[Captured]:
    return list(captures(io.BytesIO(data), BYTES_MAX))


def _found(data: bytes) -> object:
    """What the only record gave, or what was wrong with the archive."""
    try:
        (only,) = _captures(data)
    except Rejected as rejected:
        return rejected
    return only.found


def _read(data: bytes, tmp_path: Path) -> list[Item | Skipped]:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    reader = Reader(clock=lambda: NOW, article_bytes_max=BYTES_MAX, file_bytes_max=BYTES_MAX)
    return list(reader.file(str(path)))


def test_a_crawl_gives_its_pages_and_counts_what_is_none(tmp_path: Path) -> None:
    found = _read(crawl(), tmp_path)
    name = str(tmp_path / "a.warc.gz")
    items = [each for each in found if isinstance(each, Item)]
    assert [item.origin for item in items] == [f"{name}#2", f"{name}#3"]
    article = items[0].outcome
    assert isinstance(article, Article)
    assert (article.title, article.language, article.source) == ("L'OTAN suspend", "fr", "journal.example")
    assert "annonce son secrétaire" in article.text
    assert "Accueil" not in article.text
    assert article.published is not None
    assert article.published.hour == 9
    assert article.first_seen == NOW
    skipped = [each for each in found if isinstance(each, Skipped)]
    assert [each.why for each in skipped] == [
        "1 record: neither HTML nor text",
        "1 record: answers other than 200",
    ]


def test_the_address_is_the_archives_and_not_what_the_page_says(tmp_path: Path) -> None:
    (item,) = _read(response(URL, PAGE), tmp_path)
    assert isinstance(item, Item)
    assert isinstance(item.outcome, Article)
    assert item.outcome.url == URL


def test_a_wet_file_gives_texts_with_their_first_line_as_the_title(tmp_path: Path) -> None:
    one = text("https://journal.example/w", b"L'OTAN suspend\nLe texte.")
    two = text("https://journal.example/x", b"Deux langues\nLe texte.", languages="fra,eng")
    items = [each.outcome for each in _read(gzipped(one, two), tmp_path) if isinstance(each, Item)]
    assert [(each.title, each.text, each.language) for each in items if isinstance(each, Article)] == [
        ("L'OTAN suspend", "Le texte.", "fr"),
        ("Deux langues", "Le texte.", None),
    ]


def test_the_charset_of_the_answer_is_used(tmp_path: Path) -> None:
    page = "<html><body><p>НАТО приостановила учебную миссию в Ираке.</p></body></html>".encode("koi8-r")
    (item,) = _read(response(URL, page, content_type="text/html; charset=koi8-r"), tmp_path)
    assert isinstance(item, Item)
    assert isinstance(item.outcome, Article)
    assert "НАТО приостановила" in item.outcome.text + item.outcome.title


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PAGE, {}),
        (chunked(PAGE), {"Transfer-Encoding": "chunked"}),
        (gzip.compress(PAGE), {"Content-Encoding": "gzip"}),
        (chunked(gzip.compress(PAGE)), {"Transfer-Encoding": "chunked", "Content-Encoding": "GZIP"}),
        (zlib.compress(PAGE), {"Content-Encoding": "deflate"}),
        (zlib.compress(PAGE, wbits=-15), {"Content-Encoding": "deflate"}),
        (PAGE, {"Content-Encoding": "br", "Transfer-Encoding": "chunked"}),
    ],
    ids=["plain", "chunked", "gzip", "both", "deflate", "raw deflate", "decoded before it was stored"],
)
def test_a_body_is_decoded_as_it_came(body: bytes, headers: dict[str, str]) -> None:
    (found,) = _captures(response(URL, body, headers=headers))
    assert isinstance(found.found, Capture)
    assert found.found.data == PAGE


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (response(URL, b"x" * 60_000), "too-large"),
        (response(URL, gzip.compress(b"\0" * 10_000_000), headers={"Content-Encoding": "gzip"}), "too-large"),
        (response(URL, b"no gzip", headers={"Content-Encoding": "gzip"}), "undecodable"),
        (response(URL, b"\x0b\x02", headers={"Content-Encoding": "br"}), "undecodable"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_record_is_a_rejection_and_the_next_one_is_read(bad: bytes, reason: str, packed: bool) -> None:
    records = (bad, response(URL, PAGE))
    first, second = _captures(gzipped(*records) if packed else b"".join(records))
    assert isinstance(first.found, Rejected)
    assert first.found.reason == reason
    assert isinstance(second.found, Capture)


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_that_ends_early_never_loses_a_page_without_a_word(packed: bool) -> None:
    whole = response(URL, PAGE)
    typed = whole.index(b"WARC-Type: response") + len(b"WARC-Type: response\r\n")
    for end in range(typed, len(whole) - len(b"\r\n\r\n"), 7):
        found = _found(gzip.compress(whole[:end]) if packed else whole[:end])
        assert isinstance(found, Rejected), whole[:end]
        assert found.reason == "undecodable"


@pytest.mark.parametrize(
    "data", [b"hello", PAGE, gzip.compress(b'{"title": "x"}'), b"WARC/1.0\r\n" + b"x" * 200_000, b""]
)
def test_what_is_no_archive_is_one_rejection(data: bytes, tmp_path: Path) -> None:
    (item,) = _read(data, tmp_path)
    assert isinstance(item, Item)
    assert isinstance(item.outcome, Rejected)
    assert item.outcome.reason == "undecodable"


def test_damage_in_the_middle_names_the_record_and_keeps_what_went_before(tmp_path: Path) -> None:
    first, damage = _read(response(URL, PAGE) + b"garbage\r\n" * 20 + response(URL, PAGE), tmp_path)
    assert isinstance(first, Item)
    assert isinstance(damage, Item)
    assert isinstance(first.outcome, Article)
    assert "after record 0" in str(damage.outcome)


def test_a_header_that_unpacks_to_hundreds_of_megabytes_is_refused() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(b"WARC/1.0\r\nX: ")
    bomb += b"".join(packer.compress(b"a" * 1_000_000) for _ in range(200)) + packer.flush()
    with pytest.raises(Rejected, match="undecodable"):
        _captures(bomb)


def test_archives_are_recognised_by_name_and_by_content() -> None:
    assert [by_name(name) for name in ("a.warc", "a.warc.gz", "a.warc.wet.gz", "a.jsonl.gz")] == [Format.WARC] * 3 + [
        None
    ]
    assert by_content(crawl()) is by_content(response(URL, PAGE)) is Format.WARC


def _quick(document: Document) -> Feed:
    return parse(Document(kind="page", data=PAGE, bytes_max=document.bytes_max))


@given(
    data=st.binary(max_size=300),
    cut=st.integers(0, 900),
    start=st.sampled_from([b"", b"WARC/1.0\r\n", b"\x1f\x8b\x08"]),
)
def test_anything_is_pieces_passed_or_rejections(data: bytes, cut: int, start: bytes) -> None:
    limits = Limits(line_bytes_max=1_000, file_bytes_max=1_000)
    crawled = record("response", URL, data, "text/html") + response(URL, b"<p>x")
    for archive in (start + data, crawled[:cut] + data + crawled[cut:], gzip.compress(crawled)[:cut]):
        for piece in pieces(io.BytesIO(archive), Format.WARC, limits, _quick):
            assert isinstance(piece, Passed) or piece.place == "" or piece.place.startswith("#")


@given(bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=4), packed=st.booleans())
def test_what_is_written_in_records_is_read_back(bodies: list[bytes], packed: bool) -> None:
    records = [response(URL, body) for body in bodies]
    found = _captures(gzipped(*records) if packed else b"".join(records))
    assert [each.found.data for each in found if isinstance(each.found, Capture)] == bodies


@given(body=st.binary(max_size=500), size=st.integers(1, 100), encoding=st.sampled_from(["", "gzip", "deflate"]))
def test_what_is_encoded_is_decoded_to_the_same(body: bytes, size: int, encoding: str) -> None:
    packed = {"": body, "gzip": gzip.compress(body), "deflate": zlib.compress(body)}[encoding]
    assert decoded(chunked(packed, size), "chunked", encoding, 1_000) == body
