"""OPML as readers write it, in and out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.feeds.opml import read_opml, write_opml
from wirewatch.errors import Rejected
from wirewatch.feed_state import Listing
from wirewatch.seeds import shipped

NOW = datetime(2020, 1, 6, tzinfo=UTC)
OPML = b"""<opml version="1.0"><head/><body>
<outline text="Nederland"><outline text="Buitenland">
  <outline type="rss" text="NOS" xmlUrl="https://nos.example/buiten" htmlUrl="https://nos.example/"/></outline>
  <outline text="Krant &amp; Co" xmlurl="https://krant.example/rss" category="/Regio/,Sport"/></outline>
<outline text="NOS" xmlUrl="https://nos.example/buiten" fullText="true"/>
<outline text="bad" xmlUrl="ftp://nos.example/"/>
<outline text="no address"/>
</body></opml>"""


def test_folders_and_category_attributes_are_categories_and_a_feed_listed_twice_is_one() -> None:
    listings, problems = read_opml(OPML)
    assert listings == [
        Listing(
            url="https://nos.example/buiten",
            title="NOS",
            home="https://nos.example/",
            categories=("Nederland", "Buitenland"),
            full_text=True,
        ),
        Listing(url="https://krant.example/rss", title="Krant & Co", categories=("Nederland", "Regio", "Sport")),
    ]
    assert problems == ["line 6: 'ftp://nos.example/' does not start with http:// or https://"]


def test_a_bare_ampersand_does_not_lose_the_list() -> None:
    data = b'<opml><body><outline text="A & B" xmlUrl="https://a.example/?x=1&y=2"/></body></opml>'
    listings, _ = read_opml(data)
    assert [listing.url for listing in listings] == ["https://a.example/?x=1&y=2"]


@pytest.mark.parametrize("data", [b"", b"no xml", b"<html><body/></html>", b"\0", b"{}"])
def test_what_is_no_opml_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected):
        read_opml(data)


def test_entities_and_outside_files_are_not_read() -> None:
    data = b'<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml><body><outline xmlUrl="&x;"/></body></opml>'
    with pytest.raises(Rejected, match="unsafe"):
        read_opml(data)


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12)
LISTINGS = st.builds(
    Listing,
    url=st.integers(0, 99).map(lambda n: f"https://e.example/{n}?a=1&b=2"),
    title=WORDS,
    home=st.none() | st.just("https://e.example/"),
    categories=st.lists(WORDS, unique=True, max_size=3).map(tuple),
    full_text=st.booleans(),
)


@given(st.lists(LISTINGS, unique_by=lambda each: each.url, max_size=8))
def test_what_is_written_reads_back_the_same(listings: list[Listing]) -> None:
    read, problems = read_opml(write_opml(listings, title="t", now=NOW))
    assert problems == []
    assert sorted(read, key=lambda each: each.url) == sorted(listings, key=lambda each: each.url)


@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from([b"<opml>", b"<body>", b"<outline ", b"xmlUrl='http://a'", b"/>", b"</opml>", b"&x;"]),
        max_size=20,
    ).map(b"".join)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_opml(data)
    except Rejected:
        return


def test_the_shipped_list_is_clean_and_has_many_languages() -> None:
    listings, problems = read_opml(shipped("feeds.opml").read_bytes())
    assert problems == []
    assert len(listings) >= 25
    assert len({listing.categories for listing in listings}) >= 15
    assert all(listing.url.startswith("https://") and listing.title for listing in listings)
