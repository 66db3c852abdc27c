"""Feeds: RSS, Atom, RDF and JSON Feed to raw articles, also from broken and hostile bytes."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.accept import RawArticle
from producers.feed import Feed
from producers.feeds.json_feed import json_feed
from producers.feeds.parse import xml_feed
from wirewatch.errors import Rejected

RSS = b"""<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>De Krant</title><link>https://krant.example/</link><language>nl-BE</language>
<item><title>AT&amp;T &lt;b&gt;x&lt;/b&gt;</title><link>/a/1</link><guid isPermaLink="false">g1</guid>
<description>&lt;p&gt;Kort &amp;amp; goed&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>Een</p><p>Twee &lt; drie</p>]]></content:encoded>
<dc:creator>Jan</dc:creator><pubDate>Mon, 06 Jan 2020 10:00:00 +0100</pubDate></item>
<item><guid>https://krant.example/2</guid><title>Twee</title><description>Alleen kort.</description></item>
<item><title>Drie</title><link>javascript:alert(1)</link><description>Wel tekst.</description></item>
<item></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Briefing</title>
<link rel="self" href="https://briefing.example/feed"/><link href="https://briefing.example/"/>
<entry><title type="html">NATO &amp;amp; Iraq</title><link href="https://briefing.example/1"/><id>urn:1</id>
<updated>2020-01-06T10:00:00Z</updated><author><name>An</name></author>
<summary>Short.</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Short. And more.</p></div></content>
</entry></feed>"""
JSON = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Kurier",
    "home_page_url": "https://kurier.example/",
    "language": "de",
    "items": [
        {
            "id": "1",
            "url": "/a",
            "title": "Eins",
            "content_html": "<p>Eins &amp; zwei</p>",
            "date_published": "2020-01-06T10:00:00Z",
            "authors": [{"name": "An"}, {}],
        },
        {"id": 2, "title": 3},
    ],
}


def _raws(feed: Feed) -> list[RawArticle | Rejected]:
    return [piece.raw for piece in feed.items]


def test_an_rss_feed_gives_text_dates_authors_and_absolute_links() -> None:
    feed = xml_feed(RSS, url="https://krant.example/feed")
    assert (feed.title, feed.source, feed.language) == ("De Krant", "krant.example", "nl-BE")
    assert _raws(feed) == [
        RawArticle(
            url="https://krant.example/a/1",
            title="AT&T x",
            summary="Kort & goed",
            text="Een\nTwee < drie",
            language="nl-BE",
            authors=("Jan",),
            published="2020-01-06T09:00:00Z",
        ),
        RawArticle(url="https://krant.example/2", title="Twee", text="Alleen kort.", language="nl-BE", authors=()),
        RawArticle(source="krant.example", title="Drie", text="Wel tekst.", language="nl-BE", authors=()),
        RawArticle(source="krant.example", title="", text="", language="nl-BE", authors=()),
    ]


def test_a_feed_from_a_file_resolves_links_against_its_home_page() -> None:
    assert _raws(xml_feed(RSS))[0] == _raws(xml_feed(RSS, url="https://krant.example/feed"))[0]


def test_an_atom_feed_drops_a_summary_that_the_text_repeats() -> None:
    [raw] = _raws(xml_feed(ATOM))
    assert raw == RawArticle(
        url="https://briefing.example/1",
        title="NATO & Iraq",
        text="Short. And more.",
        language="en",
        authors=("An",),
        published="2020-01-06T10:00:00Z",
    )


def test_a_json_feed_gives_its_items_and_names_the_bad_ones() -> None:
    data = msgspec.json.encode(JSON)
    first, second = json_feed(data).items
    assert first.raw == RawArticle(
        url="https://kurier.example/a",
        title="Eins",
        text="Eins & zwei",
        language="de",
        authors=("An",),
        published="2020-01-06T10:00:00Z",
    )
    assert isinstance(second.raw, Rejected)
    assert (second.place, second.raw.reason, second.original) == ("#1", "invalid", b'{"id":2,"title":3}')


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_the_declared_encoding_is_used(encoding: str) -> None:
    xml = (
        f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0">'
        "<channel><item><title>één</title></item></channel></rss>"
    )
    [raw] = _raws(xml_feed(xml.encode(encoding)))
    assert isinstance(raw, RawArticle)
    assert raw.title == "één"


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "b">]><rss version="2.0"/>',
        b"<!DOCTYPE rss [ ]><rss/>",
        b"<!doctype rss [<!entity a 'b'>]><rss/>",
        b'<!DOCTYPE rss PUBLIC "a>[" "b" [<!ENTITY a "b">]><rss/>',
        b"<!-- <a --><?x <b?><!DOCTYPE rss [<!ENTITY a 'b'>]><rss/>",
        b"junk <!ENTITY a 'x'><rss/>",
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE rss [<!ENTITY a "b">]><rss/>'.encode("utf-16"),
        b"<?xml version='1.0' encoding='utf-7'?>+ADwAIQ-DOCTYPE rss [+ADwAIQ-ENTITY a 'b'>]><rss/>",
    ],
)
def test_declared_entities_are_refused_before_they_are_parsed(data: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        xml_feed(data)
    assert caught.value.reason == "unsafe"


def test_the_doctype_of_old_rss_and_an_article_about_xml_are_no_danger() -> None:
    data = (
        b'<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://my.netscape.example/rss-0.91.dtd">'
        b'<rss version="0.91"><channel>'
        b'<item><title><![CDATA[On <!ENTITY x "y"> in XML]]></title></item></channel></rss>'
    )
    assert len(xml_feed(data).items) == 1


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<html><body>hi</body></html>", b"\x00" * 50, b"<?xml version='1.0'?>"]
)
def test_what_is_no_feed_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        xml_feed(data)
    assert caught.value.reason == "invalid"


def test_a_feed_that_breaks_off_gives_what_could_be_read() -> None:
    cut = RSS[: RSS.index(b"Alleen")]
    assert [raw.title for raw in _raws(xml_feed(cut)) if isinstance(raw, RawArticle)] == ["AT&T x", "Twee"]


def test_a_reference_to_no_character_does_not_cost_the_feed() -> None:
    data = RSS.replace(b"Wel tekst", b"Wel &#99999999999; &#xD800; tekst & meer")
    raws = _raws(xml_feed(data))
    assert len(raws) == 4
    assert isinstance(raws[2], RawArticle)
    assert raws[2].text == "Wel \ufffd \ufffd tekst & meer."


PIECES = [b"<!", b"<![", b"&#xD800;", b"&#99999999999;", b"http://[", b"]]>", b"<?", b"\x00", b"\xff", b"<!--"]
PIECES += [
    b"<a href='http://[x'>",
    b"<pubDate>99999-99-99</pubDate>",
    b"<link href='http://[a'/>",
    b"<svg style='a:b'>",
]


@given(st.integers(0, 2**32))
def test_a_damaged_feed_is_parsed_or_rejected(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(chance.choice([RSS, ATOM]))
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data))
        if chance.random() < 0.6:
            data[place:place] = chance.choice(PIECES)
        else:
            del data[place : place + chance.randint(1, 30)]
    assert _reason(bytes(data)) in {None, "invalid", "unsafe"}


def _reason(data: bytes) -> str | None:
    try:
        xml_feed(data, url="https://krant.example/feed")
    except Rejected as rejected:
        return rejected.reason
    return None


@given(st.recursive(st.none() | st.text() | st.integers(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
def test_a_json_feed_with_any_item_is_parsed(item: object) -> None:
    assert len(json_feed(msgspec.json.encode(JSON | {"items": [item]})).items) == 1


@pytest.mark.timeout(20)  # the time-out is the assertion
@pytest.mark.parametrize("title", [b"<a>" * 20_000, b"&#" + b"9" * 1_000_000 + b";"])
def test_deep_nesting_and_endless_references_end_soon(title: bytes) -> None:
    assert len(xml_feed(b"<rss version='2.0'><channel><item><title>" + title).items) == 1
