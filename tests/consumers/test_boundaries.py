"""Whether a name stands as a word in a text."""

from __future__ import annotations

import pytest

from consumers.boundaries import Fit, fit
from consumers.text import normalise


def stands(text: str, name: str, language: str | None = None, *, bare: bool = False) -> Fit | str:
    found = normalise(text)
    start = found.text.index(name)
    return fit(found, start, start + len(name), language, bare=bare)


@pytest.mark.parametrize(
    ("text", "name", "language", "whole", "note"),
    [
        ("De NAVO vergadert", "NAVO", "nl", "NAVO", ""),
        ("NAVO-baas spreekt", "NAVO", "nl", "NAVO-baas", "compound"),
        ("de anti-IS-coalitie", "IS", "nl", "anti-IS-coalitie", "compound"),
        ("Nato-Gipfel", "Nato", "de", "Nato-Gipfel", "compound"),
        ("NAVO-BAAS SPREEKT", "NAVO", "nl", "NAVO-BAAS", "compound"),
        ("US-Iran talks", "Iran", "en", "Iran", ""),
        ("Iran-Iraq war", "Iran", "en", "Iran", ""),
        ("Iran- en Irakbeleid", "Iran", "nl", "Iran", ""),
        ("Iran-backed", "Iran", "en", "Iran-backed", "compound"),
        ("Natochefen", "Nato", "sv", "Natochefen", "compound"),
        ("proiraniano", "iraniano", "it", "proiraniano", "compound"),
        ("Natossa", "Nato", "fi", "Natossa", 'ending "ssa"'),
        ("NATO'nun", "NATO", "tr", "NATO", ""),
        ("l'Iran", "Iran", "fr", "Iran", ""),
        ("Iran's", "Iran", "en", "Iran", ""),
        ("#Iran", "Iran", "en", "Iran", ""),
        ("والناتو", "ناتو", "ar", "ناتو", 'prefix "وال"'),
        ("在NATO的", "NATO", "zh", "NATO", ""),
        ("据北约称", "北约", "zh", "北约", ""),
        ("イランで", "イラン", "ja", "イラン", ""),
        ("미국NATO는", "NATO", "ko", "NATO", ""),
    ],
)
def test_a_name_stands_as_a_word(text: str, name: str, language: str, whole: str, note: str) -> None:
    found = stands(text, name, language)
    assert isinstance(found, Fit), found
    assert (normalise(text).text[found.start : found.end], found.note) == (whole, note)
    assert found.compound == (note == "compound")


@pytest.mark.parametrize(
    ("text", "name", "language", "why"),
    [
        ("senator", "nato", "en", "inside a longer word"),
        ("Tirana", "iran", "en", "inside a longer word"),
        ("Natossa", "Nato", "en", "inside a longer word"),
        ("Iran2", "Iran", None, "inside a longer word"),
        ("Iran_x", "Iran", None, "inside a longer word"),
        ("ブイランド", "イラン", "ja", "inside a longer word"),
        ("ईरानी", "ईरान", "hi", "inside a longer word"),
        ("https://example.org/Iran", "Iran", "en", "part of an address"),
        ("www.Iran.example", "Iran", "en", "part of an address"),
        ("Iran.example is down", "Iran", "en", "part of an address"),
        ("press@Iran is", "Iran", "en", "part of an address"),
    ],
)
def test_a_name_is_no_word(text: str, name: str, language: str | None, why: str) -> None:
    assert stands(text, name, language) == why


def test_a_doubtful_name_takes_no_ending() -> None:
    assert isinstance(stands("Irans", "Iran", "sv"), Fit)
    assert stands("ISs", "IS", "sv", bare=True) == "inside a longer word"


def test_in_an_undetermined_language_the_endings_of_all_are_tried() -> None:
    assert isinstance(stands("Natossa", "Nato"), Fit)


def test_a_word_without_end_is_not_walked_to_its_end() -> None:
    found = stands("Iran-" * 100_000, "Iran")
    assert not isinstance(found, Fit) or found.end < 200
