"""The formats of files: which one a file has, and the pieces in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from producers import documents
from producers.accept import Passed, Piece, RawArticle, parse_raw
from producers.decode import to_text
from producers.documents import Document, Parse
from producers.gdelt import gkg_row, is_article_list, is_gkg, table_error
from producers.json_forms import (
    Read,
    any_reader,
    attempt,
    is_feed,
    is_object,
    json_pieces,
    ninjs_reader,
    piece,
    plain_pieces,
    told_apart,
)
from producers.languages import language_code
from producers.lines import After, Readable, first_line, split
from wirewatch.errors import Rejected

if TYPE_CHECKING:
    from producers.warc import Capture

TITLE_LINE_CHARS_MAX = 300
SNIFF_BYTES = 4096


class Format(StrEnum):
    """What ``--format`` takes. ``json`` is one article or ninjs item, a list of them, a JSON Feed, or a list of
    GDELT's DOC API; ``jsonl`` and ``ninjs`` hold one a line. ``gdelt`` is a GKG file, or such a list."""

    TEXT = "text"
    HTML = "html"
    JSONL = "jsonl"
    JSON = "json"
    FEED = "feed"
    NINJS = "ninjs"
    GDELT = "gdelt"
    WARC = "warc"


_EXTENSIONS = {
    ".txt": Format.TEXT,
    ".text": Format.TEXT,
    ".md": Format.TEXT,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
    ".rss": Format.FEED,
    ".atom": Format.FEED,
    ".rdf": Format.FEED,
    ".xml": Format.FEED,
    ".ninjs": Format.NINJS,
    ".csv": Format.GDELT,
    ".warc": Format.WARC,
    ".wet": Format.WARC,
}
_DOUBLE_EXTENSIONS = {".warc.gz": Format.WARC, ".wet.gz": Format.WARC}
_GZIP = b"\x1f\x8b\x08"
_MARKUP = re.compile(rb"\s*(?:<\?xml[^>]*>|<!--.*?-->|\s)*<(!doctype\s+)?(html|rss|feed|rdf:rdf|\w+)", re.I | re.S)
_FEED_ROOTS = frozenset([b"rss", b"feed", b"rdf:rdf"])


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest line of JSON Lines, and largest file of the other formats, which are read whole; bytes."""

    line_bytes_max: int
    file_bytes_max: int


def by_name(name: str) -> Format | None:
    """The format that a file's extension promises."""
    path = PurePath(name.lower())
    return _EXTENSIONS.get(path.suffix) or _DOUBLE_EXTENSIONS.get("".join(path.suffixes[-2:]))


def by_content(start: bytes) -> Format | None:
    """The format that the first bytes of a file show; None for what is not text at all."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Format.TEXT
    if start.startswith((b"WARC/", _GZIP)):
        return Format.WARC
    if b"\0" in start:
        return None
    if is_gkg(start):
        return Format.GDELT
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"[":
        return Format.JSON
    if start[:1] == b"{":
        first = start.partition(b"\n")[0]
        alone = not is_object(first) or is_feed(start) or is_article_list(first)
        return Format.JSON if alone else Format.JSONL
    if (match := _MARKUP.match(start)) and (match[1] or match[2].lower() in (*_FEED_ROOTS, b"html")):
        return Format.FEED if match[2].lower() in _FEED_ROOTS else Format.HTML
    return Format.TEXT


def pieces(
    stream: Readable, format_: Format, limits: Limits, parse: Parse = documents.parse
) -> Iterator[Piece | Passed]:
    """The articles in a stream, in order; what is wrong with one of them, or with all, is a rejection among them.

    JSON Lines, GKG files and web archives come record by record as they arrive; the others are read to the end first.
    """
    if format_ is Format.WARC:
        yield from _archive(stream, limits.file_bytes_max, parse)
        return
    lines, read = format_ is Format.JSONL, _reader(format_, parse)
    if format_ in (Format.JSON, Format.NINJS):
        stream, lines = told_apart(stream, limits.line_bytes_max)
    if lines:
        yield from _lines(stream, limits.line_bytes_max, read)
    elif format_ is Format.GDELT:
        yield from _gdelt(stream, limits, parse)
    else:
        yield from _whole(stream, format_, limits.file_bytes_max, parse)


def own_form(stream: Readable, format_: Format, bytes_max: int) -> Iterator[Piece | Passed]:
    """Like ``pieces``, of JSON or JSON Lines in our own form and no other: nothing in it is slow to read."""
    if format_ is Format.JSONL:
        yield from _lines(stream, bytes_max, parse_raw)
        return
    data = _all(stream, bytes_max)
    try:
        yield from plain_pieces(data, parse_raw)
    except Rejected as rejected:
        yield Piece("", rejected, data)


def _reader(format_: Format, parse: Parse) -> Read:
    return ninjs_reader(parse) if format_ is Format.NINJS else any_reader(parse)


def _lines(stream: Readable, line_bytes_max: int, read: Read, around: bytes | None = None) -> Iterator[Piece | Passed]:
    for line in split(stream, line_bytes_max, around=around):
        if line.cut:
            rejected = Rejected("too-large", f"the line has more than {line_bytes_max:,} bytes")
            yield Piece(f":{line.number}", rejected, line.data)
        else:
            yield piece(f":{line.number}", attempt(read, line.data), line.data)


def _gdelt(stream: Readable, limits: Limits, parse: Parse) -> Iterator[Piece | Passed]:
    first = first_line(stream, limits.line_bytes_max)
    stream = After(first, stream)
    if first.lstrip()[:1] in (b"{", b"["):
        yield from _whole(stream, Format.JSON, limits.file_bytes_max, parse)
    elif error := table_error(first):
        yield Piece("", error, first)
    else:
        # A row may end in empty columns, so only what ends a line is no part of it.
        yield from _lines(stream, limits.line_bytes_max, gkg_row, around=b"\r\n")


def _archive(stream: Readable, bytes_max: int, parse: Parse) -> Iterator[Piece | Passed]:
    # Loaded for web archives only.
    from producers.warc import Capture, captures

    try:
        for record in captures(stream, bytes_max):
            found = record.found
            taken = _captured(found, bytes_max, parse) if isinstance(found, Capture) else found
            yield piece(f"#{record.number}", taken, record.original)
    except Rejected as rejected:
        yield Piece("", rejected, b"")


def _whole(stream: Readable, format_: Format, bytes_max: int, parse: Parse) -> Iterator[Piece | Passed]:
    data = _all(stream, bytes_max)
    if len(data) > bytes_max:
        yield Piece("", Rejected("too-large", f"more than {bytes_max:,} bytes"), data)
        return
    try:
        yield from _document(data, format_, bytes_max, parse)
    except Rejected as rejected:
        yield Piece("", rejected, data)


def _document(data: bytes, format_: Format, bytes_max: int, parse: Parse) -> Iterable[Piece | Passed]:
    if format_ is Format.TEXT:
        return (Piece("", _text(data), data),)
    if format_ is Format.HTML:
        return parse(Document(kind="page", data=data, bytes_max=bytes_max)).items
    document = Document(kind="feed", data=data, bytes_max=bytes_max)
    if format_ is Format.FEED:
        return parse(document).items
    return json_pieces(document, parse, _reader(format_, parse))


def _all(stream: Readable, bytes_max: int) -> bytes:
    """At most one byte more than ``bytes_max``, so that the caller sees that there was more."""
    chunks: list[bytes] = []
    left = bytes_max + 1
    while left > 0 and (chunk := stream.read(left)):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _captured(capture: Capture, bytes_max: int, parse: Parse) -> RawArticle | Rejected:
    """The address is where the archive has it from: what a page says of itself may be anything."""
    if capture.kind == "text":
        # A text with many languages has the first one more than the others, which says too little.
        named = (capture.languages or "").split(",")
        language = language_code(named[0]) if len(named) == 1 else None
        return msgspec.structs.replace(_text(capture.data), url=capture.url, language=language)
    page = Document(
        kind="page", data=capture.data, bytes_max=bytes_max, url=capture.url, content_type=capture.content_type
    )
    try:
        (found,) = parse(page).items
    except Rejected as rejected:
        return rejected
    return found.raw if isinstance(found.raw, Rejected) else msgspec.structs.replace(found.raw, url=capture.url)


def _text(data: bytes) -> RawArticle:
    """The first line is the title, unless it is as long as a paragraph. A Markdown heading loses its marks."""
    first, _, rest = to_text(data).strip().partition("\n")
    title = re.sub(r"^#{1,6}\s+", "", first.strip())
    if len(title) > TITLE_LINE_CHARS_MAX:
        return RawArticle(text=f"{first}\n{rest}")
    return RawArticle(title=title, text=rest)
