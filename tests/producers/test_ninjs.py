"""ninjs: the three generations of the format, what agencies leave out, and anything at all."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.accept import Piece, RawArticle
from producers.apart import Apart
from producers.documents import parse
from producers.formats import Format, Limits, pieces
from producers.json_forms import any_reader, attempt
from producers.ninjs import is_ninjs, ninjs
from wirewatch.errors import Rejected

SAMPLES = Path(__file__).parents[1] / "data/readers"
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_WORDS = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=20)


def _item(**properties: Any) -> bytes:
    return json.dumps({"uri": "urn:x", **properties}).encode()


def test_version_1_has_its_body_and_headline_in_the_names_of_properties() -> None:
    found = ninjs((SAMPLES / "ninjs-1.json").read_bytes())
    assert found.url == "https://agentschap.example/items/20200106-navo"
    assert (found.title, found.summary) == ("NAVO schort trainingsmissie in Irak op", "De bondgenoten wachten af.")
    assert found.text == "De NAVO schort haar missie op.\nDe instructeurs blijven op hun basis."
    assert (found.source, found.authors, found.language) == ("Het Agentschap", ("Anna de Vries",), "nl-NL")
    assert found.published == "2020-01-06T09:58:00Z"


def test_version_2_has_lists_of_which_the_main_and_plain_part_is_taken() -> None:
    found = ninjs((SAMPLES / "ninjs-2.json").read_bytes())
    assert (found.url, found.title) == (None, "L'OTAN suspend sa mission en Irak")
    assert (found.text, found.summary) == ("L'OTAN suspend sa mission.", "Une décision provisoire.")
    assert (found.source, found.authors, found.published) == ("L'Agence", ("Luc Martin",), "2020-01-06T11:05:00+01:00")


def test_version_3_spells_its_names_in_camel_case() -> None:
    found = ninjs((SAMPLES / "ninjs-3.json").read_bytes())
    assert (found.title, found.text) == ("Iran warns after strike", "Iran warned on Monday.")
    assert (found.source, found.authors, found.published) == ("The Agency", ("Kim Lee",), "2020-01-06T12:00:00Z")


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"body_text": "plain", "body_xhtml": "<p>markup</p>"}, "plain"),
        ({"body_xhtml": "<p>markup</p>", "body_text": ""}, "markup"),
        ({"bodies": [{"role": "notes", "value": "n"}, {"role": "main", "value": "m"}]}, "m"),
        ({"bodies": [{"value": "first"}, {"value": "second"}]}, "first"),
        ({"bodies": [{"value": "<p>m</p>", "contenttype": "text/html; charset=utf-8"}, {"value": "p"}]}, "p"),
        ({"bodies": []}, ""),
        ({"body_text": 3}, ""),
    ],
)
def test_of_several_bodies_the_main_and_plain_one_is_the_text(properties: dict[str, Any], text: str) -> None:
    assert ninjs(_item(**properties)).text == text


def test_what_is_embargoed_counts_as_published_when_the_embargo_ends() -> None:
    item = _item(embargoed="2020-01-07T06:00:00Z", firstcreated="2020-01-06T06:00:00Z")
    assert ninjs(item).published == "2020-01-07T06:00:00Z"


@pytest.mark.parametrize("property_", ["pubstatus", "pubStatus"])
@pytest.mark.parametrize("status", ["withheld", "canceled"])
def test_what_its_sender_withdrew_is_rejected(property_: str, status: str) -> None:
    with pytest.raises(Rejected, match=f"withheld: its publication status is {status}"):
        ninjs(_item(**{property_: status, "headline": "x"}))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"uri": "urn:x", "headline": "h"}', True),
        (b'{"uri": "urn:x"}', True),
        (b'{"uri": "urn:x", "title": "ours"}', False),
        (b'{"uri": "urn:x", "text": "ours"}', False),
        (b'{"uri": 3}', False),
        (b'{"title": "the \\"uri\\" of it"}', False),
        (b'["uri"]', False),
    ],
)
def test_an_item_is_told_from_our_own_form(data: bytes, expected: bool) -> None:
    assert is_ninjs(data) is expected


def test_a_wrong_type_is_told_with_its_place() -> None:
    with pytest.raises(Rejected, match=r"not as ninjs has it: .* at `\$\.headlines\[0\]\.value`"):
        ninjs(_item(headlines=[{"value": 3}]))


@given(
    st.binary(max_size=200) | st.dictionaries(st.text(max_size=10), _JSON).map(lambda each: json.dumps(each).encode())
)
def test_anything_is_an_article_or_a_rejection(data: bytes) -> None:
    for read in (any_reader(parse), ninjs):
        found = attempt(read, data)
        assert not isinstance(found, Rejected) or found.reason in {"undecodable", "invalid", "withheld"}


@given(
    properties=st.dictionaries(
        st.sampled_from(["type", "language", "headline", "headlines", "bodies", "body_text", "byline", "embargoed"]),
        _JSON,
    )
)
def test_any_values_of_its_properties_are_an_article_or_a_rejection(properties: dict[str, Any]) -> None:
    found = attempt(ninjs, _item(**properties))
    assert not isinstance(found, Rejected) or found.reason in {"undecodable", "invalid"}


@given(title=_WORDS, text=_WORDS, author=_WORDS)
def test_what_is_written_in_each_generation_is_read_back(title: str, text: str, author: str) -> None:
    for item in (
        _item(headline=title, body_text=text, byline=author),
        _item(headlines=[{"value": title}], bodies=[{"value": text, "contenttype": "text/plain"}], by=author),
        _item(headlines=[{"value": title}], bodies=[{"value": text, "contentType": "text/plain"}], by=author),
    ):
        found = ninjs(item)
        assert (found.title, found.text, found.authors) == (title, text, (author,))


def test_an_item_that_would_take_minutes_is_rejected_and_the_next_one_read() -> None:
    slow = _item(body_xhtml="<p " + " ".join(f"a{n}=1" for n in range(100_000)) + ">x</p>")
    limits = Limits(line_bytes_max=2_000_000, file_bytes_max=2_000_000)
    with Apart(cpu_seconds_max=1) as parse:
        found = list(pieces(io.BytesIO(slow + b"\n" + _item(headline="een")), Format.NINJS, limits, parse))
    first, second = [piece.raw for piece in found if isinstance(piece, Piece)]
    assert isinstance(first, Rejected)
    assert first.reason == "parse-timeout"
    assert isinstance(second, RawArticle)
