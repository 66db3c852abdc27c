"""Normalised text and the way back to the original."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.text import fold, normalise, without_accents

ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)


@pytest.mark.parametrize(
    ("original", "text"),
    [
        ("plain", "plain"),
        ("l’Iran", "l'Iran"),
        ("N\u00adA\u200bT\u200dO", "NATO"),
        ("ＮＡＴＯ", "NATO"),
        ("E\u0301tat", "État"),
        ("NAVO\u2011baas", "NAVO-baas"),
        ("‘IS’", "'IS'"),
        ("ﬁjn", "fijn"),
        ("a\r\nb", "a\nb"),
        ("een\u00a0woord", "een woord"),
        ("\ud800Iran", "\ufffdIran"),
        ("إيـــران", "إيران"),
    ],
)
def test_what_the_world_sends_becomes_plain(original: str, text: str) -> None:
    assert normalise(original).text == text


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("İRAN", "iran"),
        ("IŞİD", "işid"),
        ("ışid", "işid"),
        ("ايران", "إيران"),
        ("ایرانی", "ايراني"),
        ("ΝΑΤΟΣ", "νατος"),
    ],
)
def test_letters_that_stand_for_one_another_fold_to_one(written: str, same: str) -> None:
    assert fold(written) == fold(same)


def test_accents_go_from_latin_letters_only() -> None:
    assert without_accents("ÉTAT ISLÁMICO") == "ETAT ISLAMICO"
    assert without_accents("йод") == "йод"


def test_the_span_of_a_name_holds_the_invisible_signs_inside_it_and_none_around_it() -> None:
    original = "\u200bN\u00adATO\u200b is"
    found = normalise(original)
    start = found.text.index("NATO")
    first, last = found.original_span(start, start + 4)
    assert original[first:last] == "N\u00adATO"


@given(ANY_TEXT)
def test_every_span_leads_back_into_the_original_in_order(original: str) -> None:
    found = normalise(original)
    assert found.original == original
    assert len(found.folded) == len(found.text)
    spans = [found.original_span(at, at + 1) for at in range(len(found.text))]
    assert all(0 <= first < last <= len(original) for first, last in spans)
    assert spans == sorted(spans)


@given(ANY_TEXT)
def test_folding_keeps_the_length_and_folding_again_changes_nothing(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=0x17F, categories=["L", "N", "Zs"]), max_size=60))
def test_the_cheap_and_the_careful_way_agree(original: str) -> None:
    careful = normalise(original + "\u200b")
    assert careful.text == normalise(original).text


def test_marks_without_end_on_one_letter_do_no_harm() -> None:
    assert normalise("a" + "\u0301\u0316" * 50_000 + " Iran").text.endswith(" Iran")
