"""Which actors a text names: the table in tests/data/recognition.yaml, and what must hold for any text."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from consumers.recognise import Recognition, explain, recognise
from tests.consumers.articles import article, shipped_recogniser
from wirewatch.records import Article, Mention

TABLE = YAML(typ="safe").load((Path(__file__).parent.parent / "data" / "recognition.yaml").read_text(encoding="utf-8"))
ROWS = [(category, *row) for category, rows in TABLE.items() for row in rows]
IDS = {"n": "nato", "i": "iran", "s": "islamic-state"}
NAMES = (
    *("NATO", "Nato", "NAVO-baas", "Iran", "Iraanse", "IS", "anti-IS-coalitie", "Islamitische Staat", "İran", "ISIS"),
    *("terreurgroep", "tegen", "Teheran", "إيران", "北约", "l’OTAN", "N\u00adA\u200bT\u200bO", "ＮＡＴＯ"),
)
SNIPPETS = st.lists(
    st.one_of(st.sampled_from(NAMES), st.text(max_size=8), st.sampled_from([" ", ". ", "\n", "-", "'", "’"])),
    max_size=30,
).map("".join)


def of(text: str, language: str | None = None) -> Recognition:
    title, _, body = text.partition(" || ")
    return recognise(article(title, body, language=language), shipped_recogniser())


def mentions(found: Recognition) -> list[tuple[str, Mention]]:
    return [(actor.id, mention) for actor in found.actors for mention in actor.mentions]


@pytest.mark.parametrize(("category", "language", "text", "actors"), ROWS)
def test_the_text_names_exactly_these_actors(category: str, language: str, text: str, actors: str) -> None:
    wanted = set() if actors == "none" else {IDS[letter] for letter in actors}
    assert {actor.id for actor in of(text, language).actors} == wanted


@pytest.mark.parametrize(("category", "language", "text", "actors"), ROWS)
def test_without_a_declared_language_nothing_wrong_is_found(
    category: str, language: str, text: str, actors: str
) -> None:
    wanted = set() if actors == "none" else {IDS[letter] for letter in actors}
    assert {actor.id for actor in of(text).actors} <= wanted


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(ROWS) >= 250
    assert len({language for _, language, _, _ in ROWS}) >= 25


@pytest.mark.parametrize(
    ("text", "mention", "kind"),
    [
        ("De NAVO-baas sprak.", "NAVO-baas", "derived"),
        ("De anti-IS-coalitie tegen Daesh.", "anti-IS-coalitie", "derived"),
        ("De Iraanse generaal is dood.", "Iraanse", "derived"),
        ("Het regime in Teheran zweert wraak.", "Teheran", "metonym"),
        ("De NAVO sprak in Brussel.", "NAVO", "name"),
        ("Het overleg tussen de VS en Iran, het VS-Iran overleg", "Iran", "name"),
        ("Iran en het NAVO-Iran-overleg", "NAVO", "name"),
    ],
)
def test_a_mention_says_what_kind_it_is_and_spans_the_whole_compound(text: str, mention: str, kind: str) -> None:
    assert (mention, kind) in {(m.text, m.kind) for _, m in mentions(of(text, "nl"))}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("De NAVO-baas sprak met de pers.", 'alias "NAVO" (nl), compound'),
        ("Natossa huolestuttiin tilanteesta.", 'alias "Nato" (fi), ending "ssa"'),
        ("وإيران في العراق", 'alias "إيران" (ar), prefix "و"'),
        ("De terreurgroep IS sloeg toe.", '"IS" with capitals among small letters, cue "terreurgroep" before'),
    ],
)
def test_a_mention_says_why_it_was_recognised(text: str, why: str) -> None:
    assert [mention.why for _, mention in mentions(of(text))] == [why]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("HET IS VOORBIJ", 'never in "het is"'),
        ("È nato a Roma, dove vive con la madre.", 'letter case is not that of "NATO"'),
        ("De tirannie van Irans buur Tirana", "inside a longer word"),
        ("THE WAR IS OVER", '"IS" is ambiguous and lacks evidence'),
        ("Mail naar iemand@iran.example", "part of an address"),
        ("De Noord-Atlantische Verdragsorganisatie vergadert", "overlaps a name that was matched"),
    ],
)
def test_explain_says_why_something_was_not_matched(text: str, why: str) -> None:
    _, verdicts = explain(article(text=text), shipped_recogniser())
    assert any(not verdict.matched and why in verdict.why for verdict in verdicts)


def test_explain_and_recognise_agree() -> None:
    for _, language, text, _ in ROWS:
        title, _, body = text.partition(" || ")
        given_article = article(title, body, language=language)
        _, verdicts = explain(given_article, shipped_recogniser())
        matched = {(v.actor, v.field, v.start, v.end, v.why) for v in verdicts if v.matched}
        found = mentions(recognise(given_article, shipped_recogniser()))
        assert matched == {(actor, m.field, m.start, m.end, m.why) for actor, m in found}


def test_a_name_in_the_body_is_evidence_for_a_short_one_in_the_title() -> None:
    alone = of("IS meldt zege", "nl")
    with_body = of("IS meldt zege || Islamitische Staat bevestigt dat.", "nl")
    assert alone.actors == ()
    assert {m.field for _, m in mentions(with_body)} == {"title", "text"}


def test_an_actor_is_as_sure_as_its_surest_mention() -> None:
    (iran,) = of("Teheran zwijgt, maar Iran dreigt.", "nl").actors
    assert iran.score == max(mention.score for mention in iran.mentions) == 0.99


def test_the_summary_is_searched_too() -> None:
    found = recognise(article("Title", "", summary="Iran vows to answer"), shipped_recogniser())
    assert [m.field for _, m in mentions(found)] == ["summary"]


def test_an_article_that_repeats_a_name_without_end_gives_a_record_of_bounded_size() -> None:
    found = of(f"x || {'Iran dreigt weer. ' * 20_000}", "nl")
    assert len(found.actors[0].mentions) == 200
    assert len(found.sentences) <= 200


@given(title=SNIPPETS, text=SNIPPETS, summary=st.none() | SNIPPETS, language=st.none() | st.text(max_size=5))
def test_any_text_gives_valid_offsets_and_the_same_result_again(
    title: str, text: str, summary: str | None, language: str | None
) -> None:
    given_article = article(title, text, language=language, summary=summary)
    found = recognise(given_article, shipped_recogniser())
    for _, mention in mentions(found):
        _check_offsets(given_article, found, mention)
    _check_no_overlaps(found)
    assert recognise(given_article, shipped_recogniser()) == found
    explain(given_article, shipped_recogniser())


def _check_offsets(given_article: Article, found: Recognition, mention: Mention) -> None:
    field = given_article.field(mention.field)
    assert mention.text == field[mention.start : mention.end] != ""
    assert 0 < mention.score <= 1
    assert mention.sentence is not None
    sentence = found.sentences[mention.sentence]
    assert sentence.field == mention.field
    assert sentence.text == field[sentence.start : sentence.start + len(sentence.text)]
    assert sentence.start <= mention.start
    assert mention.end <= sentence.start + len(sentence.text)


def _check_no_overlaps(found: Recognition) -> None:
    spans = sorted((m.field, m.start, m.end) for _, m in mentions(found))
    for (field, _, end), (next_field, start, _) in pairwise(spans):
        assert field != next_field or end <= start


@pytest.mark.parametrize(("category", "language", "text", "actors"), ROWS)
@pytest.mark.parametrize("spaces", [" ", "   ", "\u00a0"])
def test_spaces_around_lose_nothing(category: str, language: str, text: str, actors: str, spaces: str) -> None:
    title, _, body = text.partition(" || ")
    spaced = recognise(article(spaces + title + spaces, body, language=language), shipped_recogniser())
    assert {a.id for a in spaced.actors} == {a.id for a in of(text, language).actors}
