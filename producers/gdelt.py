"""What GDELT publishes about the world's news, to raw articles: rows of its GKG 2.1, and lists of its DOC 2.0 API.

GDELT gives no full text. An article of it is a headline with the address, language and time of a page.
"""

from __future__ import annotations

import html
import re

import msgspec

from producers.accept import Passed, Piece, RawArticle
from producers.languages import language_code
from wirewatch.errors import Rejected

# The GKG 2.1 codebook numbers its 27 columns from 1; these are indexes.
_COLUMNS = 27
_DATE, _COLLECTION, _SOURCE, _DOCUMENT, _TRANSLATION, _EXTRAS = 1, 2, 3, 4, 25, 26
_WEB = "1"
_OTHER_TABLES = {16: "mentions", 58: "events", 61: "events"}
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T?(\d\d)(\d\d)(\d\d)Z?")
_SOURCE_LANGUAGE = re.compile(r"srclc:(\w+)")
_FIRST_ROW = re.compile(rb"\d{14}-T?\d+\t\d{14}\t")


class _Listed(msgspec.Struct):
    """An element of ``articles`` of the API's ArtList mode."""

    url: str
    title: str | None = None
    seendate: str | None = None
    domain: str | None = None
    language: str | None = None


class _List(msgspec.Struct):
    articles: list[msgspec.Raw]


class _Sample(msgspec.Struct):
    seendate: str
    url: str


def is_gkg(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a GKG file."""
    return _FIRST_ROW.match(start) is not None


def table_error(line: bytes) -> Rejected | None:
    """Why a whole file cannot be read, by its first row: it is another table of GDELT's. None for every other row."""
    table = _OTHER_TABLES.get(line.count(b"\t") + 1)
    if table is None:
        return None
    detail = f"this is GDELT's {table} table, which holds no headlines: give its GKG file (….gkg.csv or ….gkg.csv.zip)"
    return Rejected("invalid", detail)


def gkg_row(line: bytes) -> RawArticle | Passed:
    """The raw article in a row, without its newline. Passed for a page of which GDELT knows no headline.

    Published is what the page states, else when GDELT saw it, which is within minutes. A row without information about
    a translation is about a page in English. Raises Rejected (``invalid``).
    """
    columns = line.decode("utf-8", "replace").split("\t")
    if len(columns) != _COLUMNS:
        detail = f"columns: {len(columns)}; a row of GDELT's GKG 2.1 has {_COLUMNS}, with tabs between them"
        raise Rejected("invalid", detail)
    if columns[_COLLECTION] != _WEB:
        return Passed("not web pages, but broadcasts and print")
    extras = columns[_EXTRAS]
    title = _extra(extras, "PAGE_TITLE")
    if not title:
        return Passed("no headline, and GDELT gives no text")
    foreign = _SOURCE_LANGUAGE.search(columns[_TRANSLATION])
    return RawArticle(
        url=columns[_DOCUMENT],
        source=columns[_SOURCE],
        title=title,
        language=language_code(foreign[1]) if foreign else "en",
        authors=_extra(extras, "PAGE_AUTHORS") or None,
        published=_time(_extra(extras, "PAGE_PRECISEPUBTIMESTAMP")) or _time(columns[_DATE]),
    )


def is_article_list(data: bytes) -> bool:
    """Whether a JSON object is an answer of the API in ArtList mode."""
    if b'"articles"' not in data:
        return False
    try:
        found = msgspec.json.decode(data, type=_List).articles
        for item in found[:1]:
            msgspec.json.decode(item, type=_Sample)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def article_list(data: bytes) -> list[Piece]:
    """The articles in an answer of the API in ArtList mode. Raises Rejected (``undecodable``, ``invalid``)."""
    try:
        items = msgspec.json.decode(data, type=_List).articles
    except msgspec.ValidationError as error:
        raise Rejected("invalid", f"not as GDELT lists articles: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("undecodable", f"not JSON: {error}") from error
    return [Piece(f"#{n}", _listed(bytes(item)), bytes(item)) for n, item in enumerate(items)]


def _listed(data: bytes) -> RawArticle | Rejected:
    try:
        item = msgspec.json.decode(data, type=_Listed)
    except msgspec.MsgspecError as error:
        return Rejected("invalid", str(error))
    return RawArticle(
        url=item.url,
        source=item.domain,
        title=html.unescape(item.title or ""),
        language=language_code(item.language),
        published=_time(item.seendate or ""),
    )


def _extra(extras: str, name: str) -> str:
    """An element of the last column, which looks like XML and is none: titles hold bare ampersands and tags."""
    _, opened, rest = extras.partition(f"<{name}>")
    value, closed, _ = rest.partition(f"</{name}>")
    return html.unescape(value).strip() if opened and closed else ""


def _time(compact: str) -> str | None:
    match = _TIME.fullmatch(compact.strip())
    return "{}-{}-{}T{}:{}:{}Z".format(*match.groups()) if match else None
