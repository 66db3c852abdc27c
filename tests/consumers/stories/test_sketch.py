"""Sketches are small, total and the same each time; likeness is symmetric and blind to reprints' edits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumers.stories.choosing import ALIKE_MIN, Piece, choose, likeness, own_story
from consumers.stories.sketch import TERMS_MAX, Terms, sketch, terms_of
from tests.consumers.making import NOON
from wirewatch.records import Article

TEXTS = st.text(max_size=300) | st.text(st.sampled_from("abc ÅÄ .12٣日本กа"), max_size=2_000)


def article(title: str, text: str = "") -> Article:
    return Article(id="a", source="", title=title, text=text, first_seen=NOON, content_hash="")


def terms(title: str, text: str = "") -> Terms:
    return terms_of(sketch(article(title, text)))


@given(TEXTS, TEXTS)
def test_any_text_has_a_sketch_of_at_most_a_kilobyte_that_can_be_read(title: str, text: str) -> None:
    made = sketch(article(title, text))
    assert len(made.encode()) <= 1024
    assert made == sketch(article(title, text))
    assert len(terms_of(made)) <= TERMS_MAX
    assert bool(made) == bool(terms_of(made))


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_what_is_no_sketch_has_no_terms_or_some(text: str) -> None:
    assert len(terms_of(text)) <= TERMS_MAX


@given(TEXTS, TEXTS)
def test_likeness_is_symmetric_and_between_nothing_and_all(one: str, other: str) -> None:
    mine, its = terms(one), terms(other)
    assert likeness(mine, its) == likeness(its, mine)
    assert 0 <= likeness(mine, its) <= 1


def test_names_of_watched_actors_tell_no_story_from_another() -> None:
    assert sketch(article("NATO warns Iran"), {"NATO", "Iran"}) == sketch(article("warns"), ())


def test_the_same_template_with_other_numbers_is_another_story() -> None:
    monday = terms("Oil rises on Iran worry", "Brent gained 1.62 dollars or 2.0 percent to 82.40 dollars a barrel.")
    tuesday = terms("Oil rises on Iran worry", "Brent gained 1.17 dollars or 1.4 percent to 83.57 dollars a barrel.")
    assert likeness(monday, tuesday) == 0
    assert likeness(monday, monday) == 1


def test_an_article_joins_the_story_that_it_resembles_most_whatever_the_order() -> None:
    hull = "Frigate collides with cargo vessel near Bornholm, three sailors hurt"
    pieces = [
        Piece(article_id=name, story=name, language="en", at=0, began=0, terms=terms(title))
        for name, title in (("same", hull), ("near", f"{hull} as storm hits Baltic ferries"), ("far", "Talks resume"))
    ]
    asked = Piece(article_id="x", story="", language="en", at=0, began=0, terms=terms(hull))
    for order in (pieces, pieces[::-1]):
        choice = choose(asked, order, 72)
        assert (choice.story, choice.why) == ("same", "resembles")
        assert choice.alike >= ALIKE_MIN
    assert choose(asked, [pieces[2]], 72).story == own_story("x")
    late = Piece(article_id="y", story="y", language="en", at=0, began=-73 * 3600, terms=asked.terms)
    assert choose(asked, [late], 72).why == "own"


def test_a_text_that_says_nothing_is_a_story_of_its_own() -> None:
    nothing = Piece(article_id="x", story="", language="", at=0, began=0, terms={})
    assert choose(nothing, [nothing], 72) == choose(nothing, [], 72)
    assert choose(nothing, [], 72).why == "no-sketch"
