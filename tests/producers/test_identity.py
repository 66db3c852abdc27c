"""Identity: one spelling per page, and ids that neither merge two articles nor split one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.identity import article_id, canonical_url, content_hash, host_of, web_address
from wirewatch.errors import Rejected

SAME_PAGE = [
    ("HTTPS://News.Example.COM/a", "https://news.example.com/a"),
    ("https://news.example.com:443/a", "https://news.example.com/a"),
    ("http://news.example.com:80/a", "http://news.example.com/a"),
    ("https://news.example.com./a", "https://news.example.com/a"),
    ("https://news.example.com", "https://news.example.com/"),
    ("https://news.example.com/a#comments", "https://news.example.com/a"),
    ("https://news.example.com/a?b=2&a=1", "https://news.example.com/a?a=1&b=2"),
    ("https://news.example.com/a?utm_source=rss&UTM_Medium=x&id=1&fbclid=Z", "https://news.example.com/a?id=1"),
    ("https://news.example.com/a?utm%5Fsource=rss", "https://news.example.com/a"),
    ("https://news.example.com/a?", "https://news.example.com/a"),
    ("https://news.example.com/x/../a", "https://news.example.com/a"),
    ("https://news.example.com/%7ejan", "https://news.example.com/~jan"),
    ("https://reader:secret@news.example.com/a", "https://news.example.com/a"),
    ("https://münchen.example/straße", "https://xn--mnchen-3ya.example/stra%C3%9Fe"),
    ("https://www.example.com/a", "https://example.com/a"),
    ("https://m.example.com/a", "https://example.com/a"),
    ("https://amp.example.co.uk/a", "https://example.co.uk/a"),
    ("https://nl.m.example.org/a", "https://nl.example.org/a"),
    ("https://news.example.com/amp/a", "https://news.example.com/a"),
    ("https://news.example.com/a/amp/", "https://news.example.com/a"),
    ("https://news.example.com/a.amp.html", "https://news.example.com/a.html"),
    ("https://news.example.com/a?amp=1&id=2", "https://news.example.com/a?id=2"),
    ("https://www.google.com/amp/s/news.example.com/a", "https://news.example.com/a"),
    ("https://news-example-com.cdn.ampproject.org/c/s/news.example.com/a", "https://news.example.com/a"),
    (" https://news.example.com/a\n", "https://news.example.com/a"),
]


@pytest.mark.parametrize(("spelling", "canonical"), SAME_PAGE)
def test_spellings_of_one_page_become_one(spelling: str, canonical: str) -> None:
    assert canonical_url(spelling) == canonical
    assert article_id(spelling, "a", "b", "c") == article_id(canonical, "x", "y", "z")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://e.example/?123", "https://e.example/?124"),
        ("https://e.example/a?cid=1", "https://e.example/a?cid=2"),
        ("https://e.example/a?gallery=1", "https://e.example/a?gallery=2"),
        ("https://e.example/a?source=1", "https://e.example/a?source=2"),
        ("https://e.example/a", "https://e.example/A"),
        ("https://e.example/champ", "https://e.example/ch"),
        ("https://e.example/amp", "https://e.example/amplifier"),
        ("https://m.example/a", "https://example/a"),
        ("https://e.example/a%2Fb", "https://e.example/a/b"),
        ("https://e.example:8443/a", "https://e.example/a"),
        ("http://e.example:443/a", "http://e.example/a"),
        ("https://e.example/a?q=%A3", "https://e.example/a?q=%A4"),
    ],
)
def test_different_pages_stay_different(one: str, other: str) -> None:
    assert article_id(one, "", "", "") != article_id(other, "", "", "")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "news.example.com/a",
        "//news.example.com/a",
        "ftp://news.example.com/a",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https:///a",
        "https://[bad/",
        "https://news.example.com:99999999/",
        "https://exa mple.com/",
        "https://news.example.com/\x00",
        "https://news.example.com/\ud800",
        "https://news.example.com/" + "a" * 5000,
    ],
)
def test_what_the_web_cannot_serve_is_a_bad_url(url: str) -> None:
    for function in (canonical_url, web_address, host_of):
        with pytest.raises(Rejected) as caught:
            function(url)
        assert caught.value.reason == "bad-url"


def test_the_address_to_follow_keeps_everything_but_the_password() -> None:
    url = "https://jan:geheim@news.example.com/a?b=2&a=1#deel"
    assert web_address(url) == "https://news.example.com/a?b=2&a=1#deel"


def test_without_a_url_the_parts_cannot_run_into_each_other() -> None:
    assert article_id(None, "a", "b", "c") != article_id(None, "a", "bc", "")
    assert article_id(None, "a", 'b","c', "") != article_id(None, "a", "b", "c")
    assert content_hash("a", None, "b") != content_hash("a", "", "b")


paths = st.text(max_size=40)
urls = st.builds(
    lambda scheme, host, path, query, fragment: f"{scheme}://{host}/{path}?{query}#{fragment}",
    st.sampled_from(["http", "HTTPS"]),
    st.sampled_from(["e.example", "E.Example:443", "e.example:80", "münchen.example", "127.0.0.1", "[::1]:8080"]),
    paths,
    paths,
    paths,
)


def _canonical(url: str) -> str | None:
    try:
        return canonical_url(url)
    except Rejected:
        return None


@given(urls | st.text())
def test_canonicalising_twice_changes_nothing(url: str) -> None:
    once = _canonical(url)
    assert once is None or canonical_url(once) == once


@given(urls, st.lists(st.sampled_from(["utm_source=rss", "utm_x=", "fbclid=Zz", "at_medium=RSS"]), max_size=3))
def test_tracking_parameters_never_change_the_id(url: str, tracking: list[str]) -> None:
    before, hash_, fragment = url.partition("#")
    added = "".join(f"&{parameter}" for parameter in tracking)
    tracked = before + (added if "?" in before else added.replace("&", "?", 1)) + hash_ + fragment
    assert _canonical(tracked) == _canonical(url)


@given(st.text())
def test_an_id_is_32_hex_digits(text: str) -> None:
    assert set(article_id("https://e.example/" + text.encode("utf-8", "replace").hex(), "", "", "")) <= set(
        "0123456789abcdef"
    )
