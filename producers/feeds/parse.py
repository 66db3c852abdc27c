"""Feed bytes to raw articles: RSS and Atom through feedparser, JSON Feed through its own module."""

from __future__ import annotations

import io
import re
from itertools import islice
from time import strftime, struct_time
from typing import Any
from urllib.parse import urljoin

import msgspec
from feedparser.api import parse
from feedparser.encodings import convert_to_utf8

from producers.accept import Piece, RawArticle, clean_text
from producers.feed import HUBS_MAX, Feed, bounded
from producers.identity import host_of, web_address
from producers.markup import to_text
from wirewatch.errors import Rejected


def xml_feed(data: bytes, *, url: str | None = None, content_type: str | None = None) -> Feed:
    """The items of an RSS or Atom feed, in the feed's order; broken XML gives what could be read of it.

    ``url`` resolves relative links, ``content_type`` is the server's header. An item with a bad link keeps its text.
    Raises Rejected (``invalid``: this is no feed; ``unsafe``: it declares entities, which can be used to fill memory).
    """
    parsed = _parsed(data, url, content_type)
    if not parsed.get("version") and not parsed.entries:
        raise Rejected("invalid", "this is not an RSS, Atom or JSON feed")
    title = _plain(parsed.feed.get("title_detail"))
    base = first_address(url, parsed.feed.get("link"))
    source = source_of(parsed.feed.get("link"), url, title)
    language = parsed.feed.get("language")
    raws = (_raw(entry, base, source, language) for entry in parsed.entries)
    pieces = (Piece(f"#{n}", raw, msgspec.json.encode(raw)) for n, raw in enumerate(raws))
    items = tuple(bounded(pieces, len(parsed.entries)))
    links = parsed.feed.get("links", ())
    topic = next(iter(_related(links, "self", base)), None)
    return Feed(title, source, language, items, hubs=_related(links, "hub", base), topic=topic)


def _related(links: Any, relation: str, base: str | None) -> tuple[str, ...]:
    """The feed's own links of that relation, a few of them at most."""
    found = (link(base, each.get("href")) for each in links if each.get("rel") == relation)
    return tuple(islice((address for address in found if address), HUBS_MAX))


def _parsed(data: bytes, url: str | None, content_type: str | None) -> Any:
    """feedparser's own result, after the checks that it does not make. What is checked is what is parsed: as UTF-8."""
    xml = convert_to_utf8({"content-type": content_type or ""}, data, {})  # type: ignore[no-untyped-call]
    refuse_entities(xml)
    xml = _CHARACTER_REFERENCE.sub(_possible_reference, xml)
    headers = {"content-location": url or "", "content-type": "application/xml; charset=utf-8"}
    try:
        # As a stream: feedparser opens a bare string that looks like a path or a URL.
        return parse(io.BytesIO(xml), response_headers=headers)  # type: ignore[no-untyped-call]
    except (ValueError, ArithmeticError, LookupError, AssertionError, RecursionError) as error:
        # What its parsers may run into on hostile input is not documented; these were met by fuzzing, or may be.
        raise Rejected("invalid", f"the feed cannot be parsed: {type(error).__name__}: {error}") from error


_CHARACTER_REFERENCE = re.compile(rb"&#(?:[xX]([0-9a-fA-F]++)|([0-9]++));?")


def _possible_reference(match: re.Match[bytes]) -> bytes:
    """The reference as it is, or U+FFFD for one to no character: feedparser would give up the whole feed."""
    digits, base = (match[1], 16) if match[1] else (match[2], 10)
    code = int(digits, base) if len(digits) <= 8 else -1
    return match[0] if 0 < code < 0xD800 or 0xDFFF < code <= 0x10FFFF else b"&#65533;"


def refuse_entities(xml: bytes) -> None:
    """Raise Rejected (``unsafe``) for a document type with declarations of its own: few bytes can stand for gigabytes.

    Looks at the XML prolog, and at the same stretch in which feedparser looks for entities when the XML is broken.
    """
    start = re.search(rb"<\w", xml)
    if rb"<!ENTITY" in xml[: start.start() if start else len(xml)].upper():
        raise Rejected("unsafe", "the feed declares XML entities")
    if _PROLOG.match(xml)["subset"]:  # type: ignore[index]  # matches anything, if only the empty string
        raise Rejected("unsafe", "the feed's DOCTYPE holds declarations")


# White space, processing instructions and comments, in any order, then perhaps a DOCTYPE that opens a subset.
_PROLOG = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s++|<\?.*?\?>|<!--.*?-->)*+"
    rb"(?P<subset><!DOCTYPE(?:[^>\[\"']|\"[^\"]*+\"|'[^']*+')*+\[)?",
    re.DOTALL | re.IGNORECASE,
)


def link(base: str | None, address: str | None) -> str | None:
    """An item's link as an absolute web address; None where there is none or it is a bad one."""
    try:
        return web_address(urljoin(base or "", address.strip())) if address and address.strip() else None
    except (Rejected, ValueError):
        return None


def first_address(*addresses: str | None) -> str | None:
    """The first that is a usable web address."""
    return next((usable for address in addresses if (usable := link(None, address))), None)


def source_of(home: str | None, url: str | None, title: str) -> str | None:
    """Who publishes a feed: the host of its home page, else of the feed itself, else its title."""
    address = first_address(home, url)
    return host_of(address) if address else title or None


def without_repetition(summary: str, text: str) -> tuple[str | None, str]:
    """Summary and text; a summary that only repeats the start of the text goes, one without a text becomes the text."""
    if not text:
        return None, summary
    start = " ".join(summary.removesuffix("[…]").rstrip(" .…").split())
    return (None if " ".join(text.split()).startswith(start) else summary), text


def _raw(entry: Any, base: str | None, source: str | None, language: str | None) -> RawArticle:
    texts = [_plain(content) for content in entry.get("content", ())]
    summary, text = without_repetition(_plain(entry.get("summary_detail")), max(texts, key=len, default=""))
    address = link(base, entry.get("link"))
    return RawArticle(
        url=address,
        source=None if address else source,
        title=_plain(entry.get("title_detail")),
        summary=summary,
        text=text,
        language=entry.get("language") or language,
        authors=tuple(clean_text(author["name"]) for author in entry.get("authors", ()) if author.get("name")),
        # dict.get: the entry's own get() passes one date off as the other.
        published=_time(dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")),
    )


def _plain(detail: Any) -> str:
    """The text of a feedparser value, which says whether it is HTML."""
    if not detail:
        return ""
    value = detail.get("value") or ""
    return clean_text(value if detail.get("type") == "text/plain" else to_text(value))


def _time(parsed: struct_time | None) -> str | None:
    return strftime("%Y-%m-%dT%H:%M:%SZ", parsed) if parsed else None
