"""Matchers, silences and their preview."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.life.model import (
    MATCHER_NAMES,
    OPERATORS,
    Matcher,
    Precision,
    Silence,
    parse_matcher,
    preview,
    silencing,
)
from tests.consumers.delivery.making import NOON, after, alert


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("rule=watched", True),
        ("rule = watched", True),
        ("rule!=watched", False),
        ("rule in other,watched", True),
        ("severity=info", True),
        ("severity in warning,critical", False),
        ("actor=iran", True),
        ("actor=nato", True),  # one of its actors is enough
        ("actor!=nato", False),
        ("actor!=islamic-state", True),
        ("language=en", True),
        ("kind=article", True),
        ("kind!=spike", True),
        ("story=s1", True),
        ("alert=a1", True),
        ("source=Wire", False),  # Bote reports it too
        ("source in Wire,Bote", True),
        ("source in Wire,Bote,Post", True),
        ("source!=Bote", False),
        ("source!=Post", True),
    ],
)
def test_a_matcher_fits(text: str, fits: bool) -> None:
    one = alert(actors=("iran", "nato"), sources=("Wire", "Bote"))
    assert (one in parse_matcher(text)) == fits


def test_an_article_of_no_known_language_is_und() -> None:
    assert alert(language=None) in parse_matcher("language=und")
    assert alert(language=None) in parse_matcher("language!=en")


@pytest.mark.parametrize("text", ["", "rule", "rule=", "colour=red", "rule~x", "rule in ", "rule in a,,b", "=x", "in"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no matcher"):
        parse_matcher(text)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters=","), min_size=1, max_size=20).filter(
    lambda text: text == text.strip()
)


@given(st.sampled_from(MATCHER_NAMES), st.sampled_from(OPERATORS), st.lists(WORDS, min_size=1, max_size=4))
def test_a_matcher_is_read_as_it_is_written(name: str, op: str, values: list[str]) -> None:
    plain = {"name": name, "op": op, "values": values if op == "in" else values[:1]}
    matcher = msgspec.convert(plain, Matcher)
    assert parse_matcher(str(matcher)) == matcher


@given(st.text(max_size=40))
def test_any_text_is_a_matcher_or_is_refused(text: str) -> None:
    try:
        matcher = parse_matcher(text)
    except ValueError:
        return
    assert matcher.values


def silence(id_: str = "s", *matchers: str, hours: tuple[float, float] = (-1, 1)) -> Silence:
    return Silence(
        id=id_,
        matchers=tuple(parse_matcher(text) for text in matchers or ("rule=watched",)),
        author="ann",
        starts=after(hours=hours[0]),
        ends=after(hours=hours[1]),
        created=NOON,
    )


@pytest.mark.parametrize(
    ("hours", "state"),
    [((-1, 1), "active"), ((0, 1), "active"), ((1, 2), "pending"), ((-2, -1), "expired"), ((-1, 0), "expired")],
)
def test_a_silence_mutes_from_its_start_until_its_end(hours: tuple[float, float], state: str) -> None:
    one = silence(hours=hours)
    assert one.state(NOON) == state
    assert (silencing([one], alert(), NOON) == (one,)) == (state == "active")


def test_all_matchers_of_a_silence_must_fit() -> None:
    assert alert() in silence("s", "rule=watched", "actor=iran")
    assert alert() not in silence("s", "rule=watched", "actor=nato")


def test_a_silence_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        silence(hours=(1, -1))


def test_a_preview_counts_alerts_stories_and_rules() -> None:
    alerts = [alert("a1"), alert("a2"), alert("a3", story="s2"), alert("a4", rule="other"), alert("a5", story="")]
    found = preview(silence("s", "rule in watched,other"), alerts)
    assert (found.looked_at, found.muted, found.stories) == (5, 5, 3)
    assert found.rules == {"watched": 4, "other": 1}
    only = preview([parse_matcher("rule=other")], alerts)
    assert [each.id for each in only.samples] == ["a4"]


def test_precision_is_of_those_judged_right_or_wrong() -> None:
    assert Precision(rule="r", unsure=3).precision is None
    assert Precision(rule="r", true=3, false=1, unsure=9).precision == 0.75
