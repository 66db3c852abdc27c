"""Every version of the formats that are still found: an item has its title, text, address and time."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from producers.accept import accept
from producers.documents import Document, parse
from wirewatch.errors import Rejected

ITEM = "<title>NAVO schort op</title><link>https://nieuws.example/1</link>"
TEXT = "<description>De NAVO schort de missie op.</description>"
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
HOME = "<title>Nieuws</title><link>https://nieuws.example/</link>"
ATOM_ITEM = '<title>NAVO schort op</title><link href="https://nieuws.example/1"/>'
JSON_ITEM = {
    "id": "1",
    "url": "https://nieuws.example/1",
    "title": "NAVO schort op",
    "content_text": "De NAVO schort de missie op.",
    "date_published": "2020-01-06T10:00:00Z",
}


def rss(version: str, item: str) -> str:
    return f'<rss version="{version}"><channel>{HOME}<item>{item}</item></channel></rss>'


def json_feed(version: str) -> str:
    return json.dumps({"version": f"https://jsonfeed.org/version/{version}", "title": "Nieuws", "items": [JSON_ITEM]})


# The first ones know neither text nor time of an item.
FEEDS: dict[str, tuple[str, bool, bool]] = {
    "RSS 0.90": (
        (
            f'<rdf:RDF {RDF} xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel>{HOME}</channel>'
            f"<item>{ITEM}</item></rdf:RDF>"
        ),
        False,
        False,
    ),
    "RSS 0.91": (rss("0.91", ITEM + TEXT), True, False),
    "RSS 0.91 with its document type": (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd">' + rss("0.91", ITEM + TEXT),
        True,
        False,
    ),
    "RSS 0.92": (rss("0.92", ITEM + TEXT), True, False),
    "RSS 0.94": (rss("0.94", ITEM + TEXT + "<pubDate>Mon, 06 Jan 2020 11:00:00 +0100</pubDate>"), True, True),
    "RSS 1.0": (
        (
            f'<rdf:RDF {RDF} {DC} xmlns="http://purl.org/rss/1.0/"><channel rdf:about="https://nieuws.example/">{HOME}'
            '</channel><item rdf:about="https://nieuws.example/1">'
            f"{ITEM}{TEXT}<dc:date>2020-01-06T10:00:00Z</dc:date></item></rdf:RDF>"
        ),
        True,
        True,
    ),
    "RSS 2.0": (rss("2.0", ITEM + TEXT + "<pubDate>Mon, 06 Jan 2020 10:00:00 GMT</pubDate>"), True, True),
    "Atom 0.3": (
        (
            f'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Nieuws</title><entry>{ATOM_ITEM}'
            "<issued>2020-01-06T10:00:00Z</issued><summary>De NAVO schort de missie op.</summary></entry></feed>"
        ),
        True,
        True,
    ),
    "Atom 1.0": (
        (
            f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Nieuws</title><entry>{ATOM_ITEM}<id>1</id>'
            "<published>2020-01-06T10:00:00Z</published><content>De NAVO schort de missie op.</content></entry></feed>"
        ),
        True,
        True,
    ),
    "JSON Feed 1": (json_feed("1"), True, True),
    "JSON Feed 1.1": (json_feed("1.1"), True, True),
}


@pytest.mark.parametrize(("text", "has_text", "has_time"), FEEDS.values(), ids=FEEDS)
def test_an_item_of_every_version_is_the_same_article(text: str, has_text: bool, has_time: bool) -> None:
    [piece] = parse(
        Document(kind="feed", data=text.encode(), bytes_max=100_000, url="https://nieuws.example/feed")
    ).items
    assert not isinstance(piece.raw, Rejected)
    article = accept(piece.raw, now=datetime(2020, 1, 7, tzinfo=UTC), article_bytes_max=100_000)
    assert (article.title, article.url) == ("NAVO schort op", "https://nieuws.example/1")
    said = "De NAVO schort de missie op." if has_text else ""
    assert said in (article.text, article.summary or "")
    assert article.published == (datetime(2020, 1, 6, 10, tzinfo=UTC) if has_time else None)
