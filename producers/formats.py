"""The formats of files: which one a file has, and the pieces in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

import msgspec

from producers import documents
from producers.accept import Piece, RawArticle, parse_raw
from producers.decode import to_text
from producers.documents import Document, Parse
from producers.lines import Readable, split
from wirewatch.errors import Rejected

TITLE_LINE_CHARS_MAX = 300
SNIFF_BYTES = 4096


class Format(StrEnum):
    """What ``--format`` takes. ``json`` is one article, a list of them, or a JSON Feed."""

    TEXT = "text"
    HTML = "html"
    JSONL = "jsonl"
    JSON = "json"
    FEED = "feed"


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
}
_MARKUP = re.compile(rb"\s*(?:<\?xml[^>]*>|<!--.*?-->|\s)*<(!doctype\s+)?(html|rss|feed|rdf:rdf|\w+)", re.I | re.S)
_FEED_ROOTS = frozenset([b"rss", b"feed", b"rdf:rdf"])


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest line of JSON Lines, and largest file of the other formats, which are read whole; bytes."""

    line_bytes_max: int
    file_bytes_max: int


def by_name(name: str) -> Format | None:
    """The format that a file's extension promises."""
    return _EXTENSIONS.get(PurePath(name).suffix.lower())


def by_content(start: bytes) -> Format | None:
    """The format that the first bytes of a file show; None for what is not text at all."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Format.TEXT
    if b"\0" in start:
        return None
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"[":
        return Format.JSON
    if start[:1] == b"{":
        return Format.JSONL if _is_object(start.partition(b"\n")[0]) and not _is_feed(start) else Format.JSON
    if (match := _MARKUP.match(start)) and (match[1] or match[2].lower() in (*_FEED_ROOTS, b"html")):
        return Format.FEED if match[2].lower() in _FEED_ROOTS else Format.HTML
    return Format.TEXT


def pieces(stream: Readable, format_: Format, limits: Limits, parse: Parse = documents.parse) -> Iterator[Piece]:
    """The articles in a stream, in order; what is wrong with one of them, or with all, is a rejection among them.

    JSON Lines come line by line as they arrive; the other formats are read to the end first.
    """
    if format_ is Format.JSONL:
        yield from _json_lines(stream, limits.line_bytes_max)
        return
    data = _whole(stream, limits.file_bytes_max)
    if len(data) > limits.file_bytes_max:
        yield Piece("", Rejected("too-large", f"more than {limits.file_bytes_max:,} bytes"), data)
        return
    try:
        yield from _document(data, format_, limits.file_bytes_max, parse)
    except Rejected as rejected:
        yield Piece("", rejected, data)


def _document(data: bytes, format_: Format, bytes_max: int, parse: Parse) -> Iterable[Piece]:
    if format_ is Format.TEXT:
        return (Piece("", _text(data), data),)
    if format_ is Format.HTML:
        return parse(Document(kind="page", data=data, bytes_max=bytes_max)).items
    feed = Document(kind="feed", data=data, bytes_max=bytes_max)
    return parse(feed).items if format_ is Format.FEED else _json(feed, parse)


def _whole(stream: Readable, bytes_max: int) -> bytes:
    """At most one byte more than ``bytes_max``, so that the caller sees that there was more."""
    chunks: list[bytes] = []
    left = bytes_max + 1
    while left > 0 and (chunk := stream.read(left)):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _json_lines(stream: Readable, line_bytes_max: int) -> Iterator[Piece]:
    for line in split(stream, line_bytes_max):
        place = f":{line.number}"
        if line.cut:
            yield Piece(place, Rejected("too-large", f"the line has more than {line_bytes_max:,} bytes"), line.data)
        else:
            yield Piece(place, _raw(line.data), line.data)


def _json(document: Document, parse: Parse) -> Iterable[Piece]:
    data = document.data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] == b"[":
        # One by one: a small list can hold a million items, and a caller may take fewer.
        return (Piece(f"#{n}", _raw(item), item) for n, item in enumerate(json_list(data)))
    if _is_feed(data):
        return parse(msgspec.structs.replace(document, data=data)).items
    return (Piece("", _raw(data), data),)


def json_list(data: bytes) -> list[bytes]:
    """The elements of a JSON list, each as it is written there. Raises Rejected (``undecodable``, ``invalid``)."""
    try:
        return [bytes(item) for item in msgspec.json.decode(data, type=list[msgspec.Raw])]
    except msgspec.ValidationError as error:
        raise Rejected("invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("undecodable", f"not JSON: {error}") from error


def _raw(data: bytes) -> RawArticle | Rejected:
    try:
        return parse_raw(data)
    except Rejected as rejected:
        return rejected


def _text(data: bytes) -> RawArticle:
    """The first line is the title, unless it is as long as a paragraph. A Markdown heading loses its marks."""
    first, _, rest = to_text(data).strip().partition("\n")
    title = re.sub(r"^#{1,6}\s+", "", first.strip())
    if len(title) > TITLE_LINE_CHARS_MAX:
        return RawArticle(text=f"{first}\n{rest}")
    return RawArticle(title=title, text=rest)


class _Versioned(msgspec.Struct):
    version: str | None = None


def is_version(version: object) -> bool:
    """Whether the value of a document's ``version`` says that it is a JSON Feed."""
    return isinstance(version, str) and version.startswith(("https://jsonfeed.org/version/1", "http://jsonfeed.org/v"))


def _is_feed(data: bytes) -> bool:
    try:
        return is_version(msgspec.json.decode(data, type=_Versioned).version)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b"https://jsonfeed.org/version/1" in data[:SNIFF_BYTES]


def _is_object(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=_Versioned)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
