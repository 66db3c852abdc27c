"""Rules: every reason of a decision, and what is in the alert."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.article_view import ArticleView
from consumers.matching import Decision, decide, matches
from consumers.rule_file import load_rules
from consumers.rules import ActorCondition, Rule, RuleSet, match_id, version
from consumers.showing import SENTENCE_CHARS_MAX, sentences
from tests.consumers.making import NOON, actor, days_later, mentions
from wirewatch.errors import UserError
from wirewatch.records import ActorMentions, Mention, Mentions, Sentence

ANY = Rule(id="r", severity="info")
HEADLINE = Rule(id="r", severity="info", fields=("title",))
IRAN = Rule(id="r", severity="info", actors=ActorCondition(any=("iran",)))
BOTH = Rule(id="r", severity="info", actors=ActorCondition(all=("iran", "nato")), fields=("title",))
NOT_IRAN = Rule(id="r", severity="info", actors=ActorCondition(none=("iran",)))


@pytest.mark.parametrize(
    ("rule", "article", "decision"),
    [
        # Without mentions there is nothing to ask for, whatever the record's status says.
        (ANY, mentions("a"), Decision("nothing-found")),
        (ANY, mentions("a", "nato", status="skipped"), Decision("nothing-found")),
        # A rule that names no actor takes any.
        (ANY, mentions("a", "nato"), Decision("matched", ("nato",))),
        (ANY, mentions("a", "nato", "iran"), Decision("matched", ("iran", "nato"))),
        # any: one of them is enough.
        (IRAN, mentions("a", "nato"), Decision("actor-missing", ("iran",))),
        (IRAN, mentions("a", "nato", "iran"), Decision("matched", ("iran",))),
        # all: each of them, and each must hold every condition.
        (BOTH, mentions("a", "iran"), Decision("actor-missing", ("nato",))),
        (BOTH, mentions("a", "iran", "nato"), Decision("matched", ("iran", "nato"))),
        (BOTH, mentions("a", actor("iran", score=0.4), "nato"), Decision("score-too-low", ("iran",))),
        (BOTH, mentions("a", actor("iran", field="text"), "nato"), Decision("not-in-field", ("iran",))),
        # none: comes first, also before a score that is too low.
        (NOT_IRAN, mentions("a", actor("iran", score=0.1)), Decision("excluded-actor", ("iran",))),
        (NOT_IRAN, mentions("a", "nato"), Decision("matched", ("nato",))),
        # The least score is enough; an actor below it does not count, one above it does.
        (ANY, mentions("a", actor("nato", score=0.5)), Decision("matched", ("nato",))),
        (ANY, mentions("a", actor("nato", score=0.49)), Decision("score-too-low", ("nato",))),
        (ANY, mentions("a", actor("nato", score=0.49), "iran"), Decision("matched", ("iran",))),
        # A name in another field is not enough.
        (HEADLINE, mentions("a", actor("nato", field="text")), Decision("not-in-field", ("nato",))),
        (HEADLINE, mentions("a", actor("nato", field="text"), "iran"), Decision("matched", ("iran",))),
    ],
)
def test_a_decision_names_the_first_condition_that_fails(rule: Rule, article: Mentions, decision: Decision) -> None:
    assert decide(rule, ArticleView(article)) == decision


@pytest.mark.parametrize(
    ("article", "rule", "severity"),
    [
        (mentions("a", "islamic-state", "nato"), "islamic-state-in-headline", "critical"),
        (mentions("a", actor("islamic-state", field="text"), "nato"), "watched-actor-in-headline", "warning"),
        (mentions("a", actor("islamic-state", field="summary")), "watched-actor", "info"),
    ],
)
def test_the_first_shipped_rule_that_matches_decides(article: Mentions, rule: str, severity: str) -> None:
    (alert,) = matches(load_rules(), article, NOON)
    assert (alert.rule, alert.severity) == (rule, severity)


def test_an_article_that_no_rule_matches_raises_no_alert() -> None:
    assert matches(load_rules(), mentions("a", actor("nato", score=0.1)), NOON) == ()


def test_an_alert_lists_all_actors_of_the_article_those_that_decided_first() -> None:
    article = mentions("a", "nato", actor("iran", count=2, score=0.6, field="text"))
    (alert,) = matches(RuleSet((IRAN,)), article, NOON)
    assert [(each.id, each.mentions, each.score) for each in alert.actors] == [("iran", 2, 0.6), ("nato", 1, 0.9)]
    assert alert.reason == "Iran (0.60) named; the rule asks for 0.5"


def test_an_alerts_id_is_the_same_whenever_it_is_raised_and_changes_with_the_rules_meaning() -> None:
    article = mentions("a", "nato", "iran")
    ((first,), (later,)) = (matches(RuleSet((ANY,)), article, moment) for moment in (NOON, days_later(3)))
    assert first.id == first.match == later.id == match_id(ANY, ["iran", "nato"], "a")
    assert len(first.id) == 32
    renamed = Rule(id="r", severity="info", summary="said otherwise")
    stricter = Rule(id="r", severity="info", score_min=0.6)
    assert version(renamed) == version(ANY) != version(stricter)
    assert match_id(stricter, ["iran", "nato"], "a") != first.id


def named(start: int, text: str, sentence: int, score: float = 0.9) -> Mention:
    return Mention(
        text=text, start=start, end=start + len(text), field="text", kind="name", score=score, why="", sentence=sentence
    )


def test_sentences_come_best_first_with_their_highlights() -> None:
    found = (
        ActorMentions(id="nato", name="NATO", score=0.9, mentions=(named(100, "NATO", 0, 0.7), named(208, "NATO", 1))),
        ActorMentions(id="iran", name="Iran", score=0.9, mentions=(named(200, "Iran", 1),)),
    )
    cut = (Sentence(field="text", start=100, text="NATO met."), Sentence(field="text", start=200, text="Iran to NATO."))
    shown = sentences(Mentions(status="ok", actors=found, sentences=cut))
    assert [sentence.text for sentence in shown] == ["Iran to NATO.", "NATO met."]
    assert [shown[0].text[mark.start : mark.end] for mark in shown[0].highlights] == ["Iran", "NATO"]


@given(st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_sentence_without_end_is_cut_around_its_first_mention(before: int, between: int, after: int) -> None:
    text = "ö" * before + "NATO" + "ö" * between + "NATO" + "ö" * after
    places = (named(before, "NATO", 0), named(before + 4 + between, "NATO", 0))
    found = (ActorMentions(id="nato", name="NATO", score=0.9, mentions=places),)
    cut = (Sentence(field="text", start=0, text=text),)
    (shown,) = sentences(Mentions(status="ok", actors=found, sentences=cut))
    assert len(shown.text) <= SENTENCE_CHARS_MAX + 2
    assert shown.highlights
    assert {shown.text[mark.start : mark.end] for mark in shown.highlights} == {"NATO"}


GOOD = "rules:\n  - id: a\n    severity: info\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules:\n  - id: a\n    severity: loud\n", "3: severity: Invalid enum value 'loud'; use info, warning"),
        ("rules:\n  - id: A b\n    severity: info\n", "2: id: Expected `str` of another form; use lower-case letters"),
        (GOOD + "    score_min: 2\n", "4: score_min: Expected `float` <= 1.0; use a number from 0 to 1"),
        (GOOD + "    score_mim: 0.2\n", "4: Object contains unknown field `score_mim`"),
        (GOOD + "    fields: [title, body]\n", "4: fields: Invalid enum value 'body'; use a list of title"),
        (GOOD + "    fields: []\n", "4: fields: Expected `array` of length >= 1"),
        (GOOD + "    actors: nato\n", "4: actors: Expected `object`, got `str`; write for example {any: [nato"),
        (GOOD + "    actors:\n      any: [nato,\n        mars]\n", "6: the watchlist has no actor 'mars'; it has nato"),
        (GOOD + GOOD.removeprefix("rules:\n"), "4: the rule 'a' stands at line 2 already"),
        ("rules:\n  - severity: info\n", "2: Object missing required field `id`; use lower-case"),
        (
            GOOD + "    actors: {any: [nato], within: page}\n",
            "4: actors.within: Invalid enum value 'page'; use sentence",
        ),
        (GOOD + "    kinds: [nickname]\n", "4: kinds: Invalid enum value 'nickname'; use a list of name, derived"),
        (GOOD + "    words: {any: ['  ']}\n", "4: words.any: Expected `str` of another form; write for example"),
        (GOOD + "    words: [missile]\n", "4: words: Expected `object`, got `array`; write for example {any: [missile"),
        (GOOD + "    countries:\n      none: [UK]\n", "5: countries.none: Expected `str` of another form; use codes"),
        (GOOD + "    languages: {any: [english]}\n", "4: languages.any: Expected `str` of another form; use codes"),
        (GOOD + "    enabled: perhaps\n", "4: enabled: Expected `bool`, got `str`; use true or false"),
        (GOOD + "    unless: [b]\n", "4: unless: no rule 'b' stands above this one; use a list of ids"),
        (GOOD + "    unless: [a]\n", "4: unless: no rule 'a' stands above this one"),
        (GOOD + "    quiet: [{from: '23:00', to: '7:00', zone: UTC}]\n", "4: quiet.to: Expected `str` of another form"),
        (
            GOOD + "    quiet:\n      - {from: '23:00', to: '07:00', zone: Mars}\n",
            "5: quiet: there is no time zone 'Mars'",
        ),
        (GOOD + "sources:\n  bbc.com: GB\n", "5: bbc.com is 'GB'; it must be the country of this source"),
        (GOOD + "sources: [bbc.com]\n", "4: sources must be a map"),
        (GOOD + "silences: []\n", '4: "silences" is unknown in a rules file; it has rules, volume, sources'),
        ("rules: []\n", "1: rules must be a list with at least one rule"),
        ("", "1: a rules file must be a map"),
        ("rules:\n  - id: [\n", "3: not YAML"),
        ("rules:\n  - id: a\n    id: b\n", "3: not YAML: found duplicate key"),
    ],
)
def test_a_mistake_in_a_rules_file_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError) as told:
        load_rules(path, ["nato"])
    assert str(told.value).startswith(f"{path}:{message}")
    assert "\n" not in str(told.value)


def test_a_rule_may_ask_for_all_that_the_language_has(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        """
rules:
  - {id: first, severity: info}
  - id: all
    severity: critical
    enabled: false
    unless: [first]
    actors: {any: [nato], all: [iran], none: [islamic-state], within: sentence}
    fields: [title, text]
    kinds: [name]
    score_min: 1
    words: {any: [missile], all: [new, "nuclear deal"], none: [football], within: article}
    sources: {any: [bbc.com], none: [some.bbc.com]}
    countries: {any: [gb], none: [nl]}
    languages: {any: [en], none: [nl]}
    quiet: [{days: [sat, sun], from: "23:00", to: "07:00", zone: Europe/Amsterdam}]
sources:
  BBC.com: gb
""",
        "utf-8",
    )
    found = load_rules(path, ["nato", "iran", "islamic-state"])
    assert found.by_id["all"].words.all == ("new", "nuclear deal")
    assert found.countries == {"bbc.com": "gb"}
    assert len(found.version) == 12


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("rules:\n  - id: a\n    severity: loud\n  - id: b\n    severity: quiet\n")
    with pytest.raises(UserError) as told:
        load_rules(path)
    assert [line.split(":")[1] for line in str(told.value).split("\n")] == ["3", "5"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        load_rules(tmp_path / "none.yaml")


@given(st.text(max_size=200))
def test_whatever_a_rules_file_holds_the_answer_is_rules_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "rules.yaml"
    path.write_text(text, "utf-8", errors="replace")
    with pytest.raises(UserError):
        load_rules(path)
