"""Files, folders and standard input: every format, every origin, and nothing bad stops the rest."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from producers.accept import Item
from producers.files import Reader, Skipped
from producers.formats import Format, by_content
from wirewatch.errors import Rejected, UserError
from wirewatch.records import Article

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)
READER = Reader(clock=lambda: NOW, article_bytes_max=10_000, file_bytes_max=50_000)
PAGE = b"""<!DOCTYPE html><html lang="fr"><head><title>L'OTAN suspend</title>
<meta property="article:published_time" content="2020-01-06T10:00:00+01:00"></head>
<body><nav><a href="/">Accueil</a></nav><article><h1>L'OTAN suspend</h1>
<p>L'OTAN suspend sa formation en Irak.</p><p>C'est ce que dit le porte-parole.</p></article></body></html>"""
RSS = b"""<rss version="2.0"><channel><title>De Krant</title><link>https://krant.example/</link>
<item><title>Een</title><link>https://krant.example/1</link></item><item></item></channel></rss>"""


def _read(*paths: Path | str, stdin: bytes = b"", reader: Reader = READER) -> list[Item | Skipped]:
    return list(reader.read([str(path) for path in paths], io.BufferedReader(io.BytesIO(stdin))))


def _outcomes(found: list[Item | Skipped]) -> list[tuple[str, str]]:
    """Origin, and the title or the reason."""
    return [
        (item.path, "skipped")
        if isinstance(item, Skipped)
        else (item.origin, item.outcome.reason if isinstance(item.outcome, Rejected) else item.outcome.title)
        for item in found
    ]


def _article(item: Item | Skipped) -> Article:
    assert isinstance(item, Item)
    assert isinstance(item.outcome, Article)
    return item.outcome


def test_the_first_line_of_a_text_is_its_title(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffNAVO schort op\r\n\r\nEerste alinea.\r\n".encode())
    article = _article(_read(path)[0])
    assert (article.title, article.text) == ("NAVO schort op", "Eerste alinea.")
    assert (article.source, article.fetched_from, article.first_seen) == ("local", str(path), NOW)


def test_a_text_without_a_headline_keeps_its_first_paragraph(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("woord " * 100 + "\nTweede.")
    article = _article(_read(path)[0])
    assert article.title == ""
    assert article.text == ("woord " * 100).strip() + " \nTweede."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8-r"])
def test_a_text_is_read_in_the_encoding_that_it_has(tmp_path: Path, encoding: str) -> None:
    text = "НАТО приостановила учебную миссию в Ираке\nЭто сделано после убийства генерала Сулеймани."
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    assert _article(_read(path)[0]).title == text.partition("\n")[0]


def test_a_page_gives_its_article_and_what_it_states(tmp_path: Path) -> None:
    path = tmp_path / "page.htm"
    path.write_bytes(PAGE)
    article = _article(_read(path)[0])
    assert article.title == "L'OTAN suspend"
    assert article.text.startswith("L'OTAN suspend sa formation")
    assert "Accueil" not in article.text
    assert (article.language, article.published) == ("fr", datetime(2020, 1, 6, 9, 0, tzinfo=UTC))


def test_json_lines_name_the_line_of_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"title": "een"}\r\n\n{"title": \n{"text": ""}\n' + b'{"title": "' + b"x" * 50_000 + b'"}\n[]\n')
    path.open("ab").write(b'{"title": "laatste zonder newline"}')
    found = _read(path)
    assert _outcomes(found) == [
        (f"{path}:1", "een"),
        (f"{path}:3", "undecodable"),
        (f"{path}:4", "empty"),
        (f"{path}:5", "too-large"),
        (f"{path}:6", "invalid"),
        (f"{path}:7", "laatste zonder newline"),
    ]
    assert isinstance(found[1], Item)
    assert found[1].original == b'{"title":'


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"title": "een"}, [("", "een")]),
        ([{"title": "een"}, 3, {"title": "drie"}], [("#0", "een"), ("#1", "invalid"), ("#2", "drie")]),
        (
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": "Kurier",
                "items": [
                    {"id": 1, "content_html": "<p>een &amp; twee</p>", "title": "een"},
                    {"title": 2},
                    {"id": "3"},
                ],
            },
            [("#0", "een"), ("#1", "invalid"), ("#2", "empty")],
        ),
        ([], []),
    ],
)
def test_json_holds_one_article_a_list_or_a_feed(
    tmp_path: Path, document: object, expected: list[tuple[str, str]]
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    assert _outcomes(_read(path)) == [(str(path) + place, what) for place, what in expected]


def test_a_feed_file_gives_each_item(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(RSS)
    assert _outcomes(_read(path)) == [(f"{path}#0", "Een"), (f"{path}#1", "empty")]


def test_a_folder_is_read_in_the_order_of_names_without_notes_and_hidden_files(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.txt", "README.md", "expected.yaml", ".hidden.txt", ".git/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\x00\x01")
    (tmp_path / "wire").write_text("no extension")
    assert _outcomes(_read(tmp_path)) == [
        (f"{tmp_path}/README.md", "skipped"),
        (f"{tmp_path}/a.txt", "a.txt"),
        (f"{tmp_path}/b/1.txt", "b/1.txt"),
        (f"{tmp_path}/b/2.txt", "b/2.txt"),
        (f"{tmp_path}/expected.yaml", "skipped"),
        (f"{tmp_path}/photo.jpg", "skipped"),
        (f"{tmp_path}/wire", "no extension"),
    ]


def test_a_note_or_a_photo_that_is_named_itself_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Kop\n\nTekst.")
    (tmp_path / "photo").write_bytes(b"\x89PNG\x00\x00")
    found = _read(tmp_path / "a.md", tmp_path / "photo")
    assert _outcomes(found) == [(f"{tmp_path}/a.md", "Kop"), (f"{tmp_path}/photo", "invalid")]


def test_a_relative_path_stays_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert _article(_read("a.txt")[0]).fetched_from == "a.txt"


def test_a_missing_path_stops_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    reading = READER.read([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], io.BufferedReader(io.BytesIO()))
    with pytest.raises(UserError, match=r"b\.txt: there is no such file"):
        next(reading)


def test_a_file_over_the_limit_is_one_rejection(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(PAGE + b" " * 50_000)
    assert _outcomes(_read(path)) == [(str(path), "too-large")]


def test_the_same_text_from_a_file_and_from_standard_input_is_one_article(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("kop\ntekst")
    from_file, from_stdin = _read(path, "-", stdin=b"kop\ntekst")
    assert _article(from_file).id == _article(from_stdin).id
    assert _article(from_stdin).fetched_from == "stdin"


def test_a_format_that_is_given_wins_over_the_content() -> None:
    reader = Reader(clock=lambda: NOW, article_bytes_max=9_999, file_bytes_max=9_999, format=Format.TEXT)
    assert _article(_read("-", stdin=b'{"title": "x"}', reader=reader)[0]).title == '{"title": "x"}'


@pytest.mark.parametrize(
    ("start", "format_"),
    [
        (b'{"title": "x"}\n{"title": "y"}', Format.JSONL),
        (b'{"title":\n "x"}', Format.JSON),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": []}', Format.JSON),
        (b"\xef\xbb\xbf [1]", Format.JSON),
        (RSS, Format.FEED),
        (b'<?xml version="1.0"?>\n<!-- c --><feed xmlns="http://www.w3.org/2005/Atom">', Format.FEED),
        (b"<rdf:RDF>", Format.FEED),
        (PAGE, Format.HTML),
        (b"<HTML>", Format.HTML),
        (b"<nothing> I know", Format.TEXT),
        (b"plain", Format.TEXT),
        (b"", Format.TEXT),
        ("één".encode("utf-16"), Format.TEXT),
        (b"\x89PNG\x00", None),
    ],
)
def test_content_shows_the_format(start: bytes, format_: Format | None) -> None:
    assert by_content(start) is format_


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        # The first line is longer than what is looked at to tell the format.
        (b'{"title": "een", "text": "' + b"x" * 9_000 + b'"}\n{"title": "twee"}\n', [(":1", "een"), (":2", "twee")]),
        (b'\n{"title":\n{"title": "twee"}\n', [(":2", "undecodable"), (":3", "twee")]),
        (b'{\n "title": "een"\n}\n', [("", "een")]),
        (b'{"title": "een"}\n', [(":1", "een")]),
        (
            b'{"uri": "urn:x", "headline": "een"}\n{"uri": "urn:y", "headline": "twee"}\n',
            [(":1", "een"), (":2", "twee")],
        ),
        (b'{"articles": [{"url": "https://a.example/1", "title": "een", "seendate": "x"}]}\n', [("#0", "een")]),
        (b'[{"uri": "urn:x", "headline": "een"}, {"title": "twee"}]', [("#0", "een"), ("#1", "twee")]),
        (b"PK\x03\x04\0\0", [("", "invalid")]),
    ],
)
def test_standard_input_of_json_is_told_apart_by_its_lines(stdin: bytes, expected: list[tuple[str, str]]) -> None:
    assert _outcomes(_read("-", stdin=stdin)) == [("stdin" + place, what) for place, what in expected]


def test_a_pipe_of_json_lines_is_read_as_it_comes() -> None:
    incoming, outgoing = os.pipe()
    with os.fdopen(incoming, "rb") as stdin, os.fdopen(outgoing, "wb", buffering=0) as pipe:
        reading = READER.read(["-"], stdin)
        pipe.write(b'{"title": "een"}\n')
        first = next(reading)
        pipe.write(b'{"ti')
        pipe.write(b'tle": "twee"}\n')
        second = next(reading)
        pipe.close()
        assert list(reading) == []
    assert [_article(first).title, _article(second).title] == ["een", "twee"]
