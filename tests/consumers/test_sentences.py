"""Cutting the sentence around a mention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.sentences import PARAGRAPH_CHARS_MAX, SENTENCE_CHARS_MAX, around, paragraph_around


def cut(text: str, name: str) -> str:
    start = text.index(name)
    first, last = around(text, start, start + len(name))
    return text[first:last]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("First. Then Iran spoke. Last.", "Then Iran spoke."),
        ("Then Iran spoke", "Then Iran spoke"),
        ("Really? Iran! Yes.", "Iran!"),
        ("Title\n\nThen Iran spoke.\n\nMore.", "Then Iran spoke."),
        ("Then gen. Smith met Iran in the U.S. capital. Last.", "Then gen. Smith met Iran in the U.S. capital."),
        ("Volgens dr. J. Jansen is Iran klaar. Morgen meer.", "Volgens dr. J. Jansen is Iran klaar."),
        ("Iran gaf 3.5 miljoen uit. Meer niet.", "Iran gaf 3.5 miljoen uit."),
        ("Hij woont in de VS. Iran zweeg. Punt.", "Iran zweeg."),
        ("Wrapped text about\nIran goes on. Next.", "Wrapped text about\nIran goes on."),
        ('He said: "Leave." Iran stayed. End.', "Iran stayed."),
        ("昨日发表。Iran 说话。结束。", "Iran 说话。"),
        ("هل هذا صحيح؟ Iran قالت نعم. انتهى", "Iran قالت نعم."),
        ("- one\n- Iran two\n- three", "- Iran two"),
    ],
)
def test_the_sentence_around_a_name(text: str, sentence: str) -> None:
    assert cut(text, "Iran") == sentence


def test_a_sentence_without_end_is_cut_between_words_around_the_name() -> None:
    found = cut("word " * 500 + "Iran" + " more" * 500, "Iran")
    assert len(found) <= SENTENCE_CHARS_MAX
    assert found.startswith("word ")
    assert found.endswith(" more")
    assert 150 < found.index("Iran") < 250


def test_a_letter_keeps_its_marks_where_a_text_without_spaces_is_cut() -> None:
    found = cut("e\u0301" * 600 + "Iran", "Iran")
    assert found.startswith("e")


@pytest.mark.parametrize(
    ("text", "paragraph"),
    [
        ("One. Iran spoke. Three.", "One. Iran spoke. Three."),
        ("Title\n\nOne.\nIran spoke.\n \n Last.", "One.\nIran spoke."),
        ("One.\r\n\r\nIran spoke.\r\n\r\nLast.", "Iran spoke."),
        ("A text of lines.\nIran spoke. Then not.\nLast.", "Iran spoke. Then not."),
        ("\n\nIran\n\n", "Iran"),
    ],
)
def test_the_paragraph_around_a_name(text: str, paragraph: str) -> None:
    start = text.index("Iran")
    first, last = paragraph_around(text, start, start + 4)
    assert text[first:last] == paragraph


@given(text=st.text(alphabet=st.sampled_from("ab. \n\r\u0301"), min_size=1, max_size=3000), data=st.data())
def test_any_place_in_any_text_lies_in_its_paragraph(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, min(len(text), start + 9)))
    first, last = paragraph_around(text, start, end)
    assert 0 <= first <= start < end <= last <= len(text)
    assert last - first <= PARAGRAPH_CHARS_MAX


@given(text=st.text(alphabet=st.characters(), min_size=1, max_size=1200), data=st.data())
def test_any_place_in_any_text_lies_in_its_sentence(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = around(text, start, end)
    assert 0 <= first <= start < end <= last <= len(text)
    assert last - first <= max(SENTENCE_CHARS_MAX, end - start)


@given(st.lists(st.sampled_from(["Iran", "a", ".", " ", "\n", "!", "dr.", "。", "”"]), max_size=900).map("".join))
def test_text_full_of_stops_is_cut_too(text: str) -> None:
    start = text.find("Iran")
    if start >= 0:
        first, last = around(text, start, start + 4)
        assert "Iran" in text[first:last]
