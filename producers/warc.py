"""Web archives, WARC and WET, to pages and texts, for filling in the past."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from producers.accept import Passed
from producers.lines import Readable
from wirewatch.errors import Rejected

HEADER_BYTES_MAX = 65_536
_DRAIN_BYTES = 65_536
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PAGES = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion | WarcRecordType.revisit
_STRANGE = WarcRecordType.unknown | WarcRecordType.no_type
_OK = 200
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
# Window sizes of zlib: gzip or zlib by their headers; raw deflate, which some servers send in its place.
_WINDOWS = {"gzip": (47,), "x-gzip": (47,), "deflate": (47, -15)}


@dataclass(frozen=True, slots=True)
class Capture:
    """A page, or the text that was taken from one, as the archive holds it, decoded."""

    kind: Literal["page", "text"]
    url: str | None
    data: bytes
    content_type: str | None = None
    languages: str | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """What a record gave. ``number`` counts all records of the archive from 0."""

    number: int
    found: Capture | Passed | Rejected
    original: bytes = b""


def captures(stream: Readable, bytes_max: int) -> Iterator[Captured]:
    """What the records of an archive give, in their order, with at most ``bytes_max`` of each in memory.

    Records that only accompany others (requests, metadata) give nothing. What is no page is a Passed, a record that
    cannot be read a Rejected (``too-large``, ``undecodable``). One that spoils all that follows is raised, with its
    number. An end so early in a gzipped record that not one byte of it unpacks is not noticed.
    """
    number = -1
    try:
        archive = ArchiveIterator(
            _Forward(stream), record_types=WarcRecordType.any_type, parse_http=True, max_header_len=HEADER_BYTES_MAX
        )
        for number, record in enumerate(archive):
            if record.record_type & (_PAGES | _STRANGE):
                yield _captured(number, record, bytes_max)
    except (OSError, ValueError, EOFError) as error:
        where = (
            f"after record {number}"
            if number >= 0
            else "at the beginning (of gzipped files only web archives are read)"
        )
        raise Rejected("undecodable", f"not a web archive, or damaged, {where}: {error}") from error
    if number < 0:
        raise Rejected("undecodable", "there is not one record in it")


def _captured(number: int, record: WarcRecord, bytes_max: int) -> Captured:
    unwanted = _unwanted(record)
    data = b"" if unwanted else _read(record, bytes_max + 1)
    try:
        # Also of what is unwanted: it may be a page that the archive's end has cut in its headers.
        _check_whole(record, _drained(record) if unwanted else len(data), bytes_max)
        return Captured(number, Passed(unwanted) if unwanted else _capture(record, data, bytes_max), data)
    except Rejected as rejected:
        return Captured(number, rejected, data)


def _unwanted(record: WarcRecord) -> str | None:
    """Why a record is no page; None for those that are."""
    if record.record_type & _STRANGE:
        return "of a kind that is not known"
    if record.record_type == WarcRecordType.revisit:
        return "pages that had not changed since an earlier visit"
    if record.record_type == WarcRecordType.conversion:
        return None if _media_type(record) == "text/plain" else "neither HTML nor text"
    if record.http_headers is not None and record.http_headers.status_code not in (None, _OK):
        return "answers other than 200"
    return None if _media_type(record) in _HTML else "neither HTML nor text"


def _media_type(record: WarcRecord) -> str:
    return (_content_type(record) or "").partition(";")[0].strip().lower()


def _content_type(record: WarcRecord) -> str | None:
    headers = record.http_headers if record.http_headers is not None else record.headers
    return headers.get("Content-Type")


def _read(record: WarcRecord, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (chunk := record.reader.read(size - len(data))):
        data += chunk
    return bytes(data)


def _drained(record: WarcRecord) -> int:
    """How many bytes a record has, none of them kept."""
    size = 0
    while chunk := record.reader.read(_DRAIN_BYTES):
        size += len(chunk)
    return size


def _check_whole(record: WarcRecord, size: int, bytes_max: int) -> None:
    if not record.headers.get("Content-Length"):
        raise Rejected("undecodable", "a record without a Content-Length; the archive may end in its headers")
    if size < min(record.content_length, bytes_max + 1):
        raise Rejected("undecodable", f"the archive ends after {size:,} of {record.content_length:,} bytes")


def _capture(record: WarcRecord, data: bytes, bytes_max: int) -> Capture:
    if len(data) > bytes_max:
        raise Rejected("too-large", f"more than {bytes_max:,} bytes")
    url = (record.headers.get("WARC-Target-URI") or "").strip("<> ") or None
    if record.record_type == WarcRecordType.conversion:
        return Capture("text", url, data, languages=record.headers.get("WARC-Identified-Content-Language"))
    http = record.http_headers
    if http is not None:
        data = decoded(data, http.get("Transfer-Encoding") or "", http.get("Content-Encoding") or "", bytes_max)
    return Capture("page", url, data, content_type=_content_type(record))


def decoded(data: bytes, transfer: str, content: str, bytes_max: int) -> bytes:
    """The body of an HTTP message as its reader saw it. Raises Rejected (``undecodable``, ``too-large``).

    Many archives hold bodies that were decoded before they were stored, with the headers left as they were, so what
    does not look encoded is taken as it is.
    """
    if transfer.strip().lower() == "chunked" and _CHUNK.match(data):
        data = _unchunked(data)
    encoding = content.strip().lower()
    if encoding in ("", "identity") or _looks_like_markup(data):
        return data
    if encoding not in _WINDOWS:
        raise Rejected("undecodable", f"its content encoding {encoding[:40]!r} is not one that is read")
    for window in _WINDOWS[encoding]:
        try:
            return _unpacked(data, window, bytes_max)
        except zlib.error:
            continue
    raise Rejected("undecodable", f"not {encoding}, as its header says")


def _looks_like_markup(data: bytes) -> bool:
    return data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _unchunked(data: bytes) -> bytes:
    """What was lost at the end is left out: the beginning of a page is worth reading."""
    body = bytearray()
    place = 0
    while match := _CHUNK.match(data, place):
        size = int(match[1], 16)
        if size == 0:
            break
        body += data[match.end() : match.end() + size]
        place = match.end() + size
        place += 2 if data[place : place + 2] == b"\r\n" else 0
    return bytes(body)


def _unpacked(data: bytes, window: int, bytes_max: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    body = unpacker.decompress(data, bytes_max + 1)
    if len(body) > bytes_max:
        raise Rejected("too-large", f"more than {bytes_max:,} bytes when unpacked")
    return body


class _Forward:
    """A stream that only goes forward, as a pipe does, with what the library asks of one."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._place = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        raise io.UnsupportedOperation(f"no seeking, neither to {offset} nor from {whence}")

    def tell(self) -> int:
        return self._place

    def close(self) -> None:
        """The stream is its owner's to close."""
