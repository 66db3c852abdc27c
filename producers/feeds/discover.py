"""The feeds that a web page offers, and where sites without such links usually keep theirs. Pure."""

from __future__ import annotations

from urllib.parse import urljoin

from lxml import etree, html

from producers.feeds.parse import link

OFFERS_MAX = 20
_TYPES = ("rss", "atom", "feed+json", "rdf")
_COMMON = ("/feed", "/rss.xml", "/rss", "/atom.xml", "/feed.xml", "/index.xml", "/feed.json", "/news-sitemap.xml")


def offered(page: bytes, url: str) -> list[str]:
    """Addresses in the page's ``<link rel="alternate">`` of a feed's type, in its order, at most twenty."""
    parser = html.HTMLParser(remove_comments=True)  # type: ignore[no-untyped-call]
    try:
        tree = html.document_fromstring(page, parser=parser)  # type: ignore[no-untyped-call]
    except (etree.ParserError, ValueError):
        return []
    base = next(iter(tree.xpath("//base/@href")), "")
    found = [
        address
        for element in tree.xpath("//link[@href]")
        if "alternate" in (element.get("rel") or "").lower().split()
        and any(kind in (element.get("type") or "").lower() for kind in _TYPES)
        and (address := link(link(url, base) or url, element.get("href")))
    ]
    return list(dict.fromkeys(found))[:OFFERS_MAX]


def usual_places(url: str) -> list[str]:
    """Addresses on the same host that are worth a try where a page offers nothing."""
    return [urljoin(url, path) for path in _COMMON]
