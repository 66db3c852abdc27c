"""Which language a text is in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.language import SERVED, detect

LONG = (
    "The secretary general wants the mission in Iraq to go on, and said so on Monday in Brussels, where ambassadors of"
    " all the members had met for the second time in a week."
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("De secretaris-generaal wil dat de missie in Irak doorgaat.", "nl"),
        ("The secretary general wants the mission in Iraq to go on.", "en"),
        ("Le secrétaire général veut que la mission en Irak continue.", "fr"),
        ("Der Generalsekretär will, dass die Mission im Irak weitergeht.", "de"),
        ("El secretario general quiere que la misión en Irak continúe.", "es"),
        ("Il segretario generale vuole che la missione in Iraq continui.", "it"),
        ("O secretário-geral quer que a missão no Iraque continue.", "pt"),
        ("Generalsekreteraren vill att uppdraget i Irak ska fortsätta.", "sv"),
        ("Pääsihteeri haluaa, että operaatio Irakissa jatkuu.", "fi"),
        ("Sekretarz generalny chce, aby misja w Iraku trwała.", "pl"),
        ("Genel sekreter Irak'taki görevin sürmesini istiyor.", "tr"),
        ("Генеральный секретарь хочет, чтобы миссия продолжалась.", "ru"),
        ("Генеральний секретар хоче, щоб місія тривала.", "uk"),
        ("يريد الأمين العام أن تستمر المهمة في العراق", "ar"),
        ("دبیرکل می‌خواهد مأموریت در عراق ادامه یابد", "fa"),
        ("Sekretaris jenderal ingin misi di Irak dilanjutkan.", "id"),
        ("秘书长希望伊拉克的任务继续下去", "zh"),
        ("事務総長はイラクでの任務の継続を望んでいる", "ja"),
    ],
)
def test_a_sentence_is_recognised_without_a_hint(text: str, language: str) -> None:
    assert detect(text).language == language


@pytest.mark.parametrize("text", ["", "   ", "2020", "…", "😀"])
def test_nothing_to_go_by_is_undetermined_unless_the_source_says(text: str) -> None:
    assert detect(text).language is None
    assert detect(text, "nl-BE").language == "nl"


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        ("Iran", "nl", "nl"),
        ("Nato nu", "sv-SE", "sv"),
        ("Iran Iran", "nb", "no"),
        (LONG, "nl", "en"),
        ("Habari za leo", "sw", "sw"),
        ("The secretary general spoke.", "not a tag", "en"),
        ("The secretary general spoke.", "", "en"),
    ],
)
def test_the_declared_language_is_a_hint_that_a_long_clear_text_outweighs(
    text: str, declared: str, language: str
) -> None:
    assert detect(text, declared).language == language


@given(text=st.text(alphabet=st.characters(), max_size=300), declared=st.none() | st.text(max_size=6))
def test_any_text_gives_a_language_or_none_and_a_confidence(text: str, declared: str | None) -> None:
    language, confidence = detect(text, declared)
    assert 0 <= confidence <= 1
    assert language is None or declared or language in SERVED
    assert detect(text, declared) == (language, confidence)
