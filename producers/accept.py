"""Raw input of any producer to an article, or a named reason why not. Every way in goes through ``accept``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec

from producers.dates import parse_time
from producers.identity import article_id, content_hash, host_of, web_address
from wirewatch.errors import Rejected
from wirewatch.records import Article

TITLE_CHARS_MAX = 500
AUTHORS_MAX = 50
AUTHOR_CHARS_MAX = 200
SOURCE_CHARS_MAX = 200
SOURCE_UNKNOWN = "local"
"""Source of what names neither a source nor a URL."""


def _about(description: str) -> msgspec.Meta:
    """What a field is, for the OpenAPI document."""
    return msgspec.Meta(description=description)


class RawArticle(msgspec.Struct, frozen=True, kw_only=True):
    """An article as it came in: the body of ``POST /v1/articles``, a line of JSON Lines. Other fields are ignored."""

    url: Annotated[str | None, _about("Address of the article, http or https. It makes the id.")] = None
    source: Annotated[str | None, _about("Publisher; the host of the URL where it is missing.")] = None
    title: Annotated[str | None, _about("Headline. Title or text must be there.")] = None
    summary: Annotated[str | None, _about("Summary or lead, where it is apart from the text.")] = None
    text: Annotated[str | None, _about("The text without markup; paragraphs end with a newline.")] = None
    language: Annotated[str | None, _about("BCP 47, e.g. nl or nl-BE.")] = None
    lang: Annotated[str | None, _about("Another name for language.")] = None
    authors: Annotated[tuple[str, ...] | str | None, _about("A list, or one string with semicolons.")] = None
    published: Annotated[str | None, _about("RFC 3339 or RFC 822; without a time zone it is UTC.")] = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One article's worth of a file or a feed, before it is accepted. ``place``: where in it, e.g. ``:3`` or ``#2``."""

    place: str
    raw: RawArticle | Rejected
    original: bytes


@dataclass(frozen=True, slots=True)
class Passed:
    """A record of a larger file that is no article and was never meant to be one, such as an image in a web archive.
    It is counted by ``why``, and is no dead letter."""

    why: str


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of input and what became of it. ``origin``: where it came from, e.g. ``file:line``."""

    origin: str
    outcome: Article | Rejected
    original: bytes


def parse_raw(data: bytes) -> RawArticle:
    """The raw article in a JSON object. Raises Rejected (``undecodable``, ``invalid``)."""
    try:
        return msgspec.json.decode(data, type=RawArticle)
    except msgspec.ValidationError as error:
        raise Rejected("invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("undecodable", f"not JSON: {error}") from error


def accept(
    raw: RawArticle,
    *,
    now: datetime,
    article_bytes_max: int,
    source: str | None = None,
    fetched_from: str | None = None,
) -> Article:
    """The article that ``raw`` makes; ``now`` becomes ``first_seen``, ``source`` overrides what the input says.

    The id depends on what came in alone, so accepting the same input again gives the same id. Raises Rejected:
    ``empty`` (neither title nor text), ``bad-url``, ``too-large`` (over ``article_bytes_max`` as JSON).
    """
    title, text = _title_and_text(raw)
    summary = clean_text(raw.summary or "") or None
    if not title and not text:
        raise Rejected("empty", "there is neither a title nor a text")
    url = web_address(raw.url) if raw.url and raw.url.strip() else None
    name = _line(source or raw.source or "", SOURCE_CHARS_MAX) or (host_of(url) if url else SOURCE_UNKNOWN)
    article = Article(
        id=article_id(url, name, title, text),
        source=name,
        title=title,
        text=text,
        first_seen=now,
        content_hash=content_hash(title, summary, text),
        url=url,
        summary=summary,
        language=primary_language(raw.language or raw.lang),
        authors=_authors(raw.authors),
        published=parse_time(raw.published),
        fetched_from=fetched_from,
    )
    size = len(msgspec.json.encode(article))
    if size > article_bytes_max:
        raise Rejected("too-large", f"{size:,} bytes as JSON; at most {article_bytes_max:,} are taken")
    return article


def outcome(
    raw: RawArticle | Rejected,
    *,
    now: datetime,
    article_bytes_max: int,
    source: str | None = None,
    fetched_from: str | None = None,
) -> Article | Rejected:
    """``accept`` for streams: the rejection comes back as a value, so that one bad item does not stop the rest."""
    if isinstance(raw, Rejected):
        return raw
    try:
        return accept(raw, now=now, article_bytes_max=article_bytes_max, source=source, fetched_from=fetched_from)
    except Rejected as rejected:
        return rejected


# Newlines of all systems become \n; the other control characters go. NUL breaks C programs downstream, the rest
# terminals and logs.
_NEWLINES = re.compile(r"\r\n?|\x85")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?", re.DOTALL)
_NO_LANGUAGE = frozenset({"und", "mul", "zxx", "mis"})


def clean_text(text: str) -> str:
    """The text without control characters (newline and tab stay) and lone surrogates, trimmed."""
    if _SURROGATES.search(text):
        # Joins the two halves of a character beyond the basic plane; a half on its own becomes U+FFFD.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROLS.sub("", _NEWLINES.sub("\n", text)).strip()


def primary_language(tag: str | None) -> str | None:
    """The primary subtag of a language tag in lower case; None for what is no tag or says that nothing is known."""
    match = _LANGUAGE.fullmatch((tag or "").strip())
    code = match[1].lower() if match else None
    return None if code in _NO_LANGUAGE else code


def _line(text: str, chars_max: int) -> str:
    line = _SPACE.sub(" ", clean_text(text)).strip()
    return line if len(line) <= chars_max else line[: chars_max - 1].rstrip() + "…"


def _title_and_text(raw: RawArticle) -> tuple[str, str]:
    text = clean_text(raw.text or "")
    if not text and len(raw.title or "") > TITLE_CHARS_MAX:
        # Some senders put all of the article into the title: nothing of it may be cut off.
        text = clean_text(raw.title or "")
    return _line(raw.title or "", TITLE_CHARS_MAX), text


def _authors(raw: tuple[str, ...] | str | None) -> tuple[str, ...]:
    names = raw.split(";") if isinstance(raw, str) else raw or ()
    lines = (_line(name, AUTHOR_CHARS_MAX) for name in names[:AUTHORS_MAX])
    return tuple(line for line in lines if line)
