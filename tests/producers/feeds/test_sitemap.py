"""News sitemaps, their indexes, and the feeds that a page offers."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.feeds.discover import offered
from producers.feeds.sitemap import is_sitemap, sitemap, unpacked
from wirewatch.errors import Rejected

NEWS = b"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>https://krant.example/1</loc><news:news><news:publication><news:name>De Krant</news:name>
<news:language>nl</news:language></news:publication><news:publication_date>2020-01-06T10:00:00+01:00
</news:publication_date><news:title>NAVO schort op &amp; wacht</news:title></news:news></url>
<url><loc>https://krant.example/about</loc></url>
</urlset>"""
INDEX = b"""<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">%s</sitemapindex>"""


def test_a_news_sitemap_gives_its_articles_with_title_language_and_time() -> None:
    assert is_sitemap(NEWS)
    [piece] = sitemap(NEWS, url="https://krant.example/news.xml").items
    raw = piece.raw
    assert not isinstance(raw, Rejected)
    assert (raw.url, raw.title, raw.language) == ("https://krant.example/1", "NAVO schort op & wacht", "nl")
    assert raw.published == "2020-01-06T10:00:00+01:00"


def test_an_index_gives_the_newest_of_its_sitemaps_those_for_news_first() -> None:
    entries = [b"<sitemap><loc>/s%d.xml</loc><lastmod>2020-01-0%d</lastmod></sitemap>" % (n, n) for n in range(1, 8)]
    entries.append(b"<sitemap><loc>https://krant.example/news.xml</loc></sitemap>")
    found = sitemap(INDEX % b"".join(entries), url="https://krant.example/").children
    names = ("news.xml", "s7.xml", "s6.xml", "s5.xml", "s4.xml")
    assert found == tuple(f"https://krant.example/{name}" for name in names)
    assert sitemap(NEWS).children == ()


def test_a_stored_gzip_is_unpacked_and_a_bomb_is_not() -> None:
    assert unpacked(gzip.compress(NEWS), bytes_max=10_000) == NEWS
    with pytest.raises(Rejected, match="too-large"):
        unpacked(gzip.compress(b"\0" * 1_000_000), bytes_max=10_000)
    with pytest.raises(Rejected, match="encoding"):
        unpacked(b"\x1f\x8bnothing", bytes_max=10_000)


def test_entities_are_refused() -> None:
    with pytest.raises(Rejected, match="unsafe"):
        sitemap(b'<!DOCTYPE urlset [<!ENTITY a "b">]><urlset><url><loc>&a;</loc></url></urlset>')


@given(
    st.binary(max_size=100)
    | st.lists(st.sampled_from([b"<urlset>", b"<url>", b"<loc>", b"http://[", b"<news:news>", b"</url>", b"&a;"])).map(
        b"".join
    )
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        sitemap(data)
    except Rejected:
        return


def test_a_page_offers_its_feeds_as_absolute_addresses() -> None:
    page = b"""<html><head><link rel="alternate" type="application/rss+xml" href="/rss">
    <link REL="Alternate home" type="application/atom+xml" href="https://feeds.example/atom">
    <link rel="alternate" type="application/feed+json" href="feed.json"><link rel=alternate hreflang=nl href="/nl">
    <link rel="alternate" type="application/rss+xml" href="javascript:alert(1)"></head></html>"""
    assert offered(page, "https://krant.example/nieuws/") == [
        "https://krant.example/rss",
        "https://feeds.example/atom",
        "https://krant.example/nieuws/feed.json",
    ]


@given(st.binary(max_size=200))
def test_any_page_offers_feeds_or_none(page: bytes) -> None:
    assert all(address.startswith(("http://", "https://")) for address in offered(page, "https://e.example/"))
