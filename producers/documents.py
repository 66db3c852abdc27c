"""Whole documents, feeds and web pages, to raw articles: the one function behind every way in that takes them."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from typing import Literal

import msgspec

from producers.accept import Piece
from producers.feed import Feed


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What was read or fetched. ``url`` and ``content_type`` as its server said them; None of a file.

    ``offers`` is a page that is asked for the feeds which it offers.
    """

    kind: Literal["feed", "page", "ninjs", "offers"]
    data: bytes
    bytes_max: int
    url: str | None = None
    content_type: str | None = None


Parse = Callable[[Document], Feed]
"""``parse`` here, or ``apart.Apart``, which does the same in a process of its own."""


def parse(document: Document) -> Feed:
    """The feed in a document: RSS, Atom, JSON Feed or a news sitemap. Raises Rejected.

    Of a page or a ninjs item it is a feed whose only item is the article; of ``offers`` one whose children are the
    feeds.
    May take minutes and gigabytes on hostile input: what comes from strangers belongs into ``apart.Apart``.
    """
    # Slow to import, and not needed in a process that has its documents parsed apart.
    if document.kind == "page":
        from producers.extract import page

        charset = _charset(document.content_type)
        found = page(document.data, bytes_max=document.bytes_max, url=document.url, charset=charset)
        return Feed("", None, None, (Piece("", found, document.data),))
    if document.kind == "ninjs":
        from producers.ninjs import ninjs

        return Feed("", None, None, (Piece("", ninjs(document.data), document.data),))
    if document.kind == "offers":
        from producers.feeds.discover import offered

        return Feed("", None, None, (), children=tuple(offered(document.data, document.url or "")))
    return _feed(document)


def _feed(document: Document) -> Feed:
    from producers.feeds.sitemap import is_sitemap, sitemap, unpacked

    data = unpacked(document.data, bytes_max=document.bytes_max)
    if data.lstrip()[:1] == b"{":
        from producers.feeds.json_feed import json_feed

        return json_feed(data, url=document.url)
    if is_sitemap(data):
        return sitemap(data, url=document.url)
    from producers.feeds.parse import xml_feed

    return xml_feed(data, url=document.url, content_type=document.content_type)


def _charset(content_type: str | None) -> str | None:
    header = Message()
    header["Content-Type"] = "".join(char for char in content_type or "" if char.isprintable())
    return header.get_content_charset()
