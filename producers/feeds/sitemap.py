"""News sitemaps to raw articles, and sitemap indexes to the sitemaps that are worth a look."""

from __future__ import annotations

import re
import zlib
from typing import Any

import msgspec
from lxml import etree

from producers.accept import Piece, RawArticle
from producers.feed import Feed, bounded
from producers.feeds.parse import link, source_of
from wirewatch.errors import Rejected

CHILDREN_MAX = 5
_ROOT = re.compile(rb"<(?:\w+:)?(urlset|sitemapindex)[\s>]")
_LOOK_BYTES = 4096
_GZIP = b"\x1f\x8b"


def is_sitemap(data: bytes) -> bool:
    """Whether a document, unpacked, is a sitemap or an index of some."""
    return _ROOT.search(data[:_LOOK_BYTES]) is not None


def unpacked(data: bytes, *, bytes_max: int) -> bytes:
    """A file that was stored gzipped, as sitemaps often are; anything else as it is.

    Raises Rejected (``too-large``, ``encoding``).
    """
    if not data.startswith(_GZIP):
        return data
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        whole = unzip.decompress(data, bytes_max + 1)
    except zlib.error as error:
        raise Rejected("encoding", f"broken gzip: {error}") from error
    if len(whole) > bytes_max:
        raise Rejected("too-large", f"more than {bytes_max:,} bytes when unpacked")
    return whole


def sitemap(data: bytes, *, url: str | None = None) -> Feed:
    """The pages that a sitemap calls news; the others have no title and are left out. Of an index, its sitemaps.

    Raises Rejected (``invalid``: not XML; ``unsafe``: it has a document type of its own).
    """
    root = _root(data)
    news = [(entry, found[0]) for entry in _all(root, "url") if (found := _all(entry, "news"))]
    pieces = (_piece(n, url, entry, found) for n, (entry, found) in enumerate(news))
    source = source_of(None, url, "")
    return Feed("", source, None, tuple(bounded(pieces, len(news))), children=_newest_children(root, url))


def _piece(n: int, url: str | None, entry: Any, news: Any) -> Piece:
    address = link(url, _text(entry, "loc"))
    raw = RawArticle(
        url=address,
        source=None if address else source_of(None, url, ""),
        title=_text(news, "title"),
        language=next((_text(each, "language") for each in _all(news, "publication")), None),
        published=_text(news, "publication_date"),
    )
    return Piece(f"#{n}", raw, msgspec.json.encode(raw))


def _newest_children(root: Any, url: str | None) -> tuple[str, ...]:
    """The sitemaps of an index that changed last, at most five; none where it is no index."""
    found = [
        (_text(entry, "lastmod") or "", address)
        for entry in _all(root, "sitemap")
        if (address := link(url, _text(entry, "loc")))
    ]
    # One that is named for news first, then by date: RFC 3339 sorts as text.
    ranked = sorted(found, key=lambda each: ("news" in each[1].lower(), each[0]), reverse=True)
    return tuple(address for _, address in ranked[:CHILDREN_MAX])


def _root(data: bytes) -> Any:
    parser = etree.XMLParser(recover=True, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Rejected("invalid", f"not XML: {error}") from error
    if root is None:
        raise Rejected("invalid", "there is no XML in it")
    if root.getroottree().docinfo.internalDTD is not None:
        raise Rejected("unsafe", "the sitemap has a document type of its own")
    return root


def _all(element: Any, name: str) -> list[Any]:
    """Children of that name in whatever namespace: publishers misspell those."""
    return [child for child in element if isinstance(child.tag, str) and child.tag.rpartition("}")[2] == name]


def _text(element: Any, name: str) -> str | None:
    found = next(iter(_all(element, name)), None)
    return (found.text or "").strip() or None if found is not None else None
