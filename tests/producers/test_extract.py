"""Pages, markup and charsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.decode import to_text as decode
from producers.extract import page
from producers.markup import to_text
from wirewatch.errors import Rejected

BODY = "<p>De NAVO schort haar opleidingsmissie in Irak op.</p><p>Dat zei een woordvoerder: geen café, één pauze.</p>"
PAGE = f"<html><head><title>NAVO schort op</title></head><body><article>{BODY}</article></body></html>"


def test_the_address_on_the_page_itself_wins_over_where_it_was_fetched() -> None:
    canonical = PAGE.replace("</head>", '<link rel="canonical" href="https://krant.example/a"></head>')
    data = canonical.encode()
    assert page(data, bytes_max=9_999, url="https://cache.example/x?y").url == "https://krant.example/a"
    assert page(PAGE.encode(), bytes_max=9_999, url="https://krant.example/b").url == "https://krant.example/b"


def test_the_headline_is_not_repeated_in_the_text() -> None:
    data = PAGE.replace("<article>", "<article><h1>NAVO schort op</h1>").encode()
    assert not page(data, bytes_max=9_999).text.startswith("NAVO schort op")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "head",
    ['<meta charset="windows-1252">', '<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">'],
)
def test_a_page_is_read_in_the_charset_that_it_declares(head: str) -> None:
    data = PAGE.replace("<head>", f"<head>{head}").encode("cp1252")
    assert "geen café, één pauze" in (page(data, bytes_max=9_999).text or "")


def test_a_day_is_never_guessed_from_a_copyright_line() -> None:
    data = PAGE.replace("</article>", "</article><footer>© 2019 De Krant</footer>").encode()
    assert page(data, bytes_max=9_999).published is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html></html>", "empty"),
        (b"<!-- x -->", "empty"),
        (b"\x00\x01", "empty"),
        (b"<html>" + b" " * 10_000, "too-large"),
    ],
)
def test_a_page_without_text_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        page(data, bytes_max=9_999)
    assert caught.value.reason == reason


def test_a_fragment_with_broken_markup_still_gives_its_text() -> None:
    text = page(b"<p>NATO said <b>it would <p>wait", bytes_max=9_999).text or ""
    assert text.split() == ["NATO", "said", "it", "would", "wait"]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain & simple < 3", "plain & simple < 3"),
        ("<p>Een</p><p>Twee &lt; drie</p>", "Een\nTwee < drie"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<td>a</td><td>b</td>", "a b"),
        ("anti-<b>IS</b>-coalitie", "anti-IS-coalitie"),
        ("<p>a\n  b</p>", "a b"),
        ("a<script>alert('x')</script><style>p{}</style><!-- c -->b", "ab"),
        ("AT&amp;T &#8364; &eacute;", "AT&T € é"),
        ("<p>", ""),
        ("<!-- -->", ""),
        ("a\x00<b>b</b>\ud800", "a b"),
    ],
)
def test_markup_becomes_what_a_reader_sees(markup: str, text: str) -> None:
    assert to_text(markup) == text


@given(st.text(st.sampled_from("<>/&;ab p!-#0\"' \n\x00\ud800"), max_size=60))
def test_any_markup_becomes_text(markup: str) -> None:
    to_text(markup)


@given(st.binary(max_size=200), st.sampled_from([None, "utf-8", "latin-1", "utf-7", "base64", "no-such", "shift_jis"]))
def test_any_bytes_become_text(data: bytes, declared: str | None) -> None:
    decode(data, declared).encode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf_8_is_recognised_whatever_is_declared(text: str) -> None:
    if not text.encode().startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        assert decode(text.encode(), "latin-1") == text
