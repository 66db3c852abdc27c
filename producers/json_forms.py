"""The forms that news has in JSON: our own, ninjs, JSON Feed and lists of GDELT's, alone, in a list or one a line."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from producers.accept import Passed, Piece, RawArticle, parse_raw
from producers.documents import Document, Parse
from producers.gdelt import article_list, is_article_list
from producers.lines import After, Readable, first_line
from producers.ninjs import is_ninjs
from wirewatch.errors import Rejected

FEED_SIGN_BYTES = 4096

Read = Callable[[bytes], RawArticle | Passed]
"""One record to what is in it. Raises Rejected."""


class _Versioned(msgspec.Struct):
    version: Any = None


def ninjs_reader(parse: Parse) -> Read:
    """Reads ninjs items with ``parse``, as they hold markup."""

    def read(data: bytes) -> RawArticle:
        (item,) = parse(Document(kind="ninjs", data=data, bytes_max=len(data))).items
        if isinstance(item.raw, Rejected):
            raise item.raw
        return item.raw

    return read


def any_reader(parse: Parse) -> Read:
    """Reads articles of our own form, and ninjs items with ``parse``."""
    ninjs = ninjs_reader(parse)
    return lambda data: ninjs(data) if is_ninjs(data) else parse_raw(data)


def attempt(read: Read, data: bytes) -> RawArticle | Passed | Rejected:
    """``read``, with a rejection as a value, so that one bad record does not stop the rest."""
    try:
        return read(data)
    except Rejected as rejected:
        return rejected


def piece(place: str, found: RawArticle | Passed | Rejected, original: bytes) -> Piece | Passed:
    """``found`` with the place where it stood."""
    return found if isinstance(found, Passed) else Piece(place, found, original)


def told_apart(stream: Readable, line_bytes_max: int) -> tuple[Readable, bool]:
    """The stream, and whether it is JSON Lines rather than one document.

    It is where the first line is a whole object (of none of the forms that hold many articles), or, where that line is
    bad, where the second begins an object. So a bad first line costs that line, and a pipe is read as it comes.
    """
    beginning = first_line(stream, line_bytes_max)
    start = beginning.removeprefix(codecs.BOM_UTF8).strip()
    if start[:1] != b"{" or not beginning.endswith(b"\n"):
        return After(beginning, stream), False
    if is_object(start):
        return After(beginning, stream), not (is_feed(start) or is_article_list(start))
    second = stream.readline(line_bytes_max)
    return After(beginning + second, stream), second.startswith(b"{")


def json_pieces(document: Document, parse: Parse, read: Read) -> Iterable[Piece | Passed]:
    """What is in a whole document; ``read`` takes each object that is one article. Raises Rejected."""
    data = document.data.removeprefix(codecs.BOM_UTF8)
    if is_article_list(data):
        return article_list(data)
    if is_feed(data):
        return parse(msgspec.structs.replace(document, data=data)).items
    return plain_pieces(data, read)


def plain_pieces(data: bytes, read: Read) -> Iterable[Piece | Passed]:
    """One object, or a list of them, and no other form. Raises Rejected."""
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.lstrip()[:1] != b"[":
        return (piece("", attempt(read, data), data),)
    # One by one: a small list can hold a million items, and a caller may take fewer.
    return (piece(f"#{n}", attempt(read, item), item) for n, item in enumerate(json_list(data)))


def json_list(data: bytes) -> list[bytes]:
    """The elements of a JSON list, each as it is written there. Raises Rejected (``undecodable``, ``invalid``)."""
    try:
        return [bytes(item) for item in msgspec.json.decode(data, type=list[msgspec.Raw])]
    except msgspec.ValidationError as error:
        raise Rejected("invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("undecodable", f"not JSON: {error}") from error


def is_version(version: object) -> bool:
    """Whether the value of a document's ``version`` says that it is a JSON Feed."""
    return isinstance(version, str) and version.startswith(("https://jsonfeed.org/version/1", "http://jsonfeed.org/v"))


def is_feed(data: bytes) -> bool:
    """Whether a JSON object, or what there is of one, is a JSON Feed."""
    try:
        return is_version(msgspec.json.decode(data, type=_Versioned).version)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b"https://jsonfeed.org/version/1" in data[:FEED_SIGN_BYTES]


def is_object(line: bytes) -> bool:
    """Whether a line is a JSON object."""
    try:
        msgspec.json.decode(line, type=_Versioned)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
