"""A web page to a raw article: the text without menus and advertisements, and what the page states about itself."""

from __future__ import annotations

import re

import trafilatura

from producers.accept import RawArticle
from producers.dates import parse_time
from producers.decode import to_text as decode
from producers.identity import web_address
from producers.markup import facts
from wirewatch.errors import Rejected

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset=[\"'\s]*([\w.:-]{2,40})", re.IGNORECASE)
_HEAD_BYTES = 4096
_PAGE = re.compile(r"<(?:html|body|head|!doctype)\b", re.IGNORECASE)
# Without "extensive search": a day guessed from a copyright line or a URL is worse than none.
_DATES = {"original_date": True, "extensive_search": False}


def page(data: bytes, *, bytes_max: int, url: str | None = None, charset: str | None = None) -> RawArticle:
    """The article on an HTML page. ``url``: where it was fetched; ``charset``: as the server declared it.

    Raises Rejected (``too-large``: over ``bytes_max``; ``empty``: there is no text to read on it).
    """
    if len(data) > bytes_max:
        raise Rejected("too-large", f"{len(data):,} bytes of HTML; at most {bytes_max:,} are read")
    if charset is None and (declared := _META_CHARSET.search(data[:_HEAD_BYTES])):
        charset = declared[1].decode("ascii", "ignore")
    markup = decode(data, charset)
    if not _PAGE.search(markup[:_HEAD_BYTES]):
        markup = f"<html><body><div>{markup}</div><div></div></body></html>"
    # Precision: a menu or a list of related links that names a watched actor would raise a false alert.
    document = trafilatura.bare_extraction(
        markup,
        url=url,
        favor_precision=True,
        with_metadata=True,
        include_comments=False,
        date_extraction_params=_DATES,
    )
    if document is None or isinstance(document, dict) or not (document.title or document.text):
        raise Rejected("empty", "there is no article text on this page")
    address = _address(document.url) or _address(url)
    stated = facts(markup)
    return RawArticle(
        url=address,
        source=None if address else document.sitename,
        title=document.title,
        summary=document.description,
        text=_without_title(document.text or "", document.title),
        language=stated.language,
        authors=document.author,
        published=_published(stated.published, document.date),
    )


def _address(url: str | None) -> str | None:
    try:
        return web_address(url) if url else None
    except Rejected:
        return None


def _without_title(text: str, title: str | None) -> str:
    """The headline is often the first line of the text as well; its mentions would count twice."""
    first, _, rest = text.partition("\n")
    return rest if title and first.strip() == title.strip() else text


def _published(stated: str | None, found: str | None) -> str | None:
    """The stated time of day where there is one: the extractor gives days only."""
    return stated if parse_time(stated) else found
