"""JSON Feed 1.0 and 1.1 to raw articles."""

from __future__ import annotations

from itertools import islice

import msgspec

from producers.accept import Piece, RawArticle, clean_text
from producers.feed import HUBS_MAX, Feed, bounded
from producers.feeds.parse import first_address, link, source_of, without_repetition
from producers.json_forms import is_version
from producers.markup import to_text
from wirewatch.errors import Rejected


class _Author(msgspec.Struct):
    name: str | None = None


class _Item(msgspec.Struct):
    id: str | int | float | None = None
    url: str | None = None
    external_url: str | None = None
    title: str | None = None
    summary: str | None = None
    content_text: str | None = None
    content_html: str | None = None
    date_published: str | None = None
    date_modified: str | None = None
    language: str | None = None
    author: _Author | None = None
    authors: list[_Author] | None = None


class _Hub(msgspec.Struct):
    type: str | None = None
    url: str | None = None


class _Feed(msgspec.Struct):
    version: str
    title: str = ""
    home_page_url: str | None = None
    language: str | None = None
    feed_url: str | None = None
    hubs: list[_Hub] | None = None
    items: list[msgspec.Raw] = []


def json_feed(data: bytes, *, url: str | None = None) -> Feed:
    """The items of a JSON Feed, in its order; an item of the wrong shape is a rejection among the others.

    Raises Rejected (``undecodable``, ``invalid``).
    """
    try:
        feed = msgspec.json.decode(data, type=_Feed)
    except msgspec.ValidationError as error:
        raise Rejected("invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("undecodable", f"not JSON: {error}") from error
    if not is_version(feed.version):
        raise Rejected("invalid", f"version {feed.version[:100]!r} is not JSON Feed's")
    base = first_address(url, feed.home_page_url)
    source = source_of(feed.home_page_url, url, feed.title)
    pieces = (
        Piece(f"#{n}", _raw(bytes(item), base, source, feed.language), bytes(item)) for n, item in enumerate(feed.items)
    )
    items = tuple(bounded(pieces, len(feed.items)))
    # The format has other kinds of hubs too.
    found = (link(base, hub.url) for hub in feed.hubs or () if (hub.type or "").lower() == "websub")
    hubs = tuple(islice((hub for hub in found if hub), HUBS_MAX))
    return Feed(feed.title, source, feed.language, items, hubs=hubs, topic=link(base, feed.feed_url))


def _raw(data: bytes, base: str | None, source: str | None, language: str | None) -> RawArticle | Rejected:
    try:
        item = msgspec.json.decode(data, type=_Item)
    except msgspec.ValidationError as error:
        return Rejected("invalid", str(error))
    text = item.content_text or to_text(item.content_html or "")
    summary, text = without_repetition(clean_text(item.summary or ""), clean_text(text))
    address = link(base, item.url or item.external_url)
    authors = item.authors or ([item.author] if item.author else [])
    return RawArticle(
        url=address,
        source=None if address else source,
        title=item.title,
        summary=summary,
        text=text,
        language=item.language or language,
        authors=tuple(author.name for author in authors if author.name),
        published=item.date_published or item.date_modified,
    )
