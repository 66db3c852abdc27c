"""What rules may ask, said again by plain code of its own; the index; and what is told of each condition."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
from hypothesis import given

from consumers.article_view import ArticleView, stands_in
from consumers.explaining import explain
from consumers.matching import MATCHES_MAX, decisions, matches
from consumers.rules import (
    ActorCondition,
    CountryCondition,
    LanguageCondition,
    Rule,
    RuleSet,
    SourceCondition,
    WordCondition,
)
from tests.consumers.making import NOON, mentions
from tests.consumers.rule_articles import ARTICLES, RULES, Line, article
from wirewatch.records import Mention, Mentions

COUNTRIES = {"example.com": "gb"}


def plainly_matches(rule: Rule, found: Mentions) -> bool:
    """By trying every choice of mentions; slow, and not shared with what it checks."""
    named = {actor.id: actor.mentions for actor in found.actors}
    host = found.source.lower()
    domains = [host] + ([host[n + 1 :] for n, sign in enumerate(host) if sign == "."] if "." in host else [])
    country = "gb" if host.endswith("example.com") else "nl" if host.endswith(".nl") else ""
    asked: list[tuple[Any, list[str]]] = [
        (rule.sources, domains),
        (rule.countries, [country]),
        (rule.languages, [found.language or "und"]),
    ]
    for condition, have in asked:
        if condition.any and not set(condition.any) & set(have):
            return False
        if set(condition.none) & set(have):
            return False
    if not rule.enabled or not named or set(rule.actors.none) & set(named):
        return False
    choices = [[id_] for id_ in rule.actors.all]
    if rule.actors.any or not rule.actors.all:
        choices.append(list(rule.actors.any or named))
    fitting = {id_: [m for m in own if _plainly_fits(rule, m, found)] for id_, own in named.items()}
    return any(
        len({_plain_unit(m, rule.actors.within, found) for m in chosen}) == 1
        for actors in product(*choices)
        for chosen in product(*(fitting.get(id_, []) for id_ in actors))
    )


def _plain_unit(mention: Mention, within: str, found: Mentions) -> object:
    assert mention.sentence is not None
    paragraph = found.sentences[mention.sentence].paragraph
    if within == "article":
        return None
    return mention.sentence if within == "sentence" or paragraph is None else f"paragraph {paragraph}"


def _plainly_fits(rule: Rule, mention: Mention, found: Mentions) -> bool:
    assert mention.sentence is not None
    sentence = found.sentences[mention.sentence]
    text = sentence.text
    if rule.words.within == "paragraph" and sentence.paragraph is not None:
        text = found.paragraphs[sentence.paragraph].text
    elif rule.words.within == "article":
        text = " ".join([found.title, *(s.text for s in found.sentences), *(p.text for p in found.paragraphs)])
    words = text.split()
    return (
        mention.score >= rule.score_min
        and mention.kind in rule.kinds
        and mention.field in rule.fields
        and all(word in words for word in rule.words.all)
        and (not rule.words.any or any(word in words for word in rule.words.any))
        and not any(word in words for word in rule.words.none)
    )


def plainly(rules: Iterable[Rule], found: Mentions) -> list[str]:
    matched: list[str] = []
    for rule in rules:
        if plainly_matches(rule, found) and not set(rule.unless) & set(matched):
            matched.append(rule.id)
    return matched


@given(rules=RULES, found=ARTICLES)
def test_rules_decide_as_plain_code_does_and_the_index_leaves_none_out(
    rules: tuple[Rule, ...], found: Mentions
) -> None:
    of_all = [rule.id for rule, why in decisions(rules, ArticleView(found, COUNTRIES)) if why.matched]
    assert of_all == plainly(rules, found)
    of_index = matches(RuleSet(rules, countries=COUNTRIES), found, NOON)
    assert [alert.rule for alert in of_index] == of_all


@given(rules=RULES, found=ARTICLES)
def test_an_explanation_says_of_every_rule_what_was_decided(rules: tuple[Rule, ...], found: Mentions) -> None:
    told = explain(RuleSet(rules, countries=COUNTRIES), found)
    assert [each.rule for each in told] == [rule.id for rule in rules]
    assert [each.rule for each in told if each.matched] == plainly(rules, found)
    assert all(each.why for each in told)


BOTH: list[list[Line]] = [[("Iran and NATO hold talks", (("iran", "name", 0.9), ("nato", "metonym", 0.9)))]]
APART: list[list[Line]] = [
    [("Iran fired a missile.", (("iran", "name", 0.9),)), ("NATO met.", (("nato", "name", 0.5),))]
]
FAR: list[list[Line]] = [
    [("Iran fired a missile.", (("iran", "name", 0.9),)), ("It rained.", ())],
    [("NATO plays football.", (("nato", "name", 0.9),)), ("Then it slept.", ())],
]


def asks(**conditions: Any) -> Rule:
    return Rule(id="r", severity="info", **conditions)


def both(within: Any) -> Rule:
    return asks(actors=ActorCondition(all=("iran", "nato"), within=within))


def words(**condition: Any) -> Rule:
    return asks(words=WordCondition(**condition))


@pytest.mark.parametrize(
    ("rule", "found", "reason", "why"),
    [
        (asks(enabled=False), article(*BOTH), "disabled", "the rule is switched off"),
        (asks(), article(), "nothing-found", "the article names no watched actor"),
        (asks(), article(status="dlq", reason="too-large"), "nothing-found", "the article is dlq: too-large"),
        # Sources: a domain covers what lies below it, also by the host of the address; a name is a name.
        (asks(sources=SourceCondition(any=("Example.NL",))), article(*BOTH), "matched", None),
        (asks(sources=SourceCondition(any=("other.org",))), article(*BOTH, url="https://m.other.org/1"), "matched",
         None),
        (asks(sources=SourceCondition(any=("some wire",))), article(*BOTH, source="Some Wire"), "matched", None),
        (asks(sources=SourceCondition(any=("ample.nl",))), article(*BOTH), "source-not-wanted",
         "the source is news.example.nl or example.nl; the rule asks for one of ample.nl"),
        (asks(sources=SourceCondition(none=("example.nl",))), article(*BOTH), "source-not-wanted", None),
        # Countries: by the domain, by the operator's table, or not known.
        (asks(countries=CountryCondition(any=("nl",))), article(*BOTH), "matched", None),
        (asks(countries=CountryCondition(any=("gb",))), article(*BOTH, source="bbc.co.uk"), "matched", None),
        (asks(countries=CountryCondition(any=("gb",))), article(*BOTH, source="wire.example.com"), "matched", None),
        (asks(countries=CountryCondition(any=("tv",))), article(*BOTH, source="x.tv"), "country-not-wanted",
         "the country of the source is not known; the rule asks for one of tv"),
        (asks(countries=CountryCondition(none=("nl",))), article(*BOTH, source="Wire"), "matched", None),
        (asks(languages=LanguageCondition(none=("en", "nl"))), article(*BOTH), "language-not-wanted",
         "the language is en; the rule asks for none of en, nl"),
        (asks(languages=LanguageCondition(any=("und",))), article(*BOTH, language=None), "matched", None),
        # Actors.
        (asks(actors=ActorCondition(none=("iran",))), article(*BOTH), "excluded-actor",
         "Iran named, which the rule excludes"),
        (asks(actors=ActorCondition(any=("un", "eu"))), article(*BOTH), "actor-missing",
         "none of un, eu; the article names Iran, NATO"),
        (asks(actors=ActorCondition(all=("iran", "eu"))), article(*BOTH), "actor-missing",
         "not named: eu; the article names Iran, NATO"),
        (asks(score_min=0.95), article(*APART), "score-too-low",
         "Iran has 0.90, NATO has 0.50; the rule asks for 0.95"),
        (asks(kinds=("derived",)), article(*BOTH), "kind-not-wanted",
         "Iran is named as name; NATO is named as metonym; the rule asks for derived"),
        (asks(fields=("title",)), article(*APART), "not-in-field",
         "Iran is named in text; NATO is named in text; the rule asks for title"),
        # One mention must hold all of it: here one has the kind, another the field.
        (asks(kinds=("name",), fields=("title",)),
         article([("Iran.", (("iran", "name", 0.9),))], title=("Tehran", (("iran", "metonym", 0.9),))), "not-in-field",
         "Iran is named in text; the rule asks for title"),
        # Together.
        (both("sentence"), article(*BOTH), "matched",
         "Iran (0.90), NATO (0.90) named in one sentence; the rule asks for 0.5"),
        (both("sentence"), article(*APART), "not-together", "Iran, NATO stand in no one sentence"),
        (both("paragraph"), article(*APART), "matched", None),
        (both("paragraph"), article(*FAR), "not-together", "Iran, NATO stand in no one paragraph"),
        (both("article"), article(*FAR), "matched", None),
        # Words: whole words in any letter case, near the mention.
        (words(any=("MISSILE",), within="sentence"), article(*APART), "matched",
         "Iran (0.90) named near MISSILE; the rule asks for 0.5"),
        (words(any=("miss", "rocket")), article(*APART), "word-missing",
         "no paragraph that names Iran, NATO has one of miss, rocket (1 looked at)"),
        (words(all=("missile", "met"), within="sentence"), article(*APART), "word-missing",
         "no sentence that names Iran, NATO has all of missile, met (2 looked at)"),
        (words(all=("missile", "met")), article(*APART), "matched", None),
        (words(any=("a  missile",)), article(*APART), "matched", None),
        (words(none=("football",)), article(*FAR), "matched", "Iran (0.90) named; the rule asks for 0.5"),
        (words(none=("football", "missile")), article(*FAR), "excluded-word",
         "every paragraph that names Iran, NATO has one of football, missile"),
        (words(none=("football",), within="article"), article(*FAR), "excluded-word", None),
        (words(any=("slept",), within="article"), article(*FAR), "matched", None),
        (words(any=("headline",), within="article"), article(*FAR), "matched", None),
    ],
)  # fmt: skip
def test_each_condition_tells_why_it_fails_with_the_values_that_decided(
    rule: Rule, found: Mentions, reason: str, why: str | None
) -> None:
    (told,) = explain(RuleSet((rule,), countries=COUNTRIES), found)
    assert (told.reason, told.matched) == (reason, reason == "matched")
    assert why in (None, told.why)


@pytest.mark.parametrize(
    ("text", "word", "stands"),
    [
        ("the missiles fell", "missile", False),
        ("the missile-maker", "missile", True),
        ("a missile", "missile", True),
        ("导弹发射了", "发射", True),
        ("เขายิงขีปนาวุธแล้ว", "ขีปนาวุธ", True),
        ("ракеты упали", "ракет", False),
        ("ракеты", "ракеты", True),
        ("missile", "", False),
    ],
)
def test_words_are_whole_words_and_in_scripts_without_spaces_stand_anywhere(text: str, word: str, stands: bool) -> None:
    assert stands_in(text, word) is stands


def test_a_rule_gives_way_only_to_rules_above_it_that_match() -> None:
    first = Rule(id="first", severity="critical", fields=("title",))
    second = Rule(id="second", severity="warning", unless=("first",))
    third = Rule(id="third", severity="info", unless=("second",))
    rules = RuleSet((first, second, third))
    assert [alert.rule for alert in matches(rules, article(*BOTH), NOON)] == ["second"]
    titled = article(title=("Iran", (("iran", "name", 0.9),)))
    assert [alert.rule for alert in matches(rules, titled, NOON)] == ["first", "third"], "a rule that gave way is none"
    told = {each.rule: each for each in explain(rules, titled)}
    assert told["second"].reason == "other-rule-matched"
    assert told["second"].why == "it would match, but first above it matched already"


def test_only_rules_that_may_match_are_asked() -> None:
    rules = [Rule(id=f"r{n}", severity="info", actors=ActorCondition(any=(f"a{n}", f"b{n}"))) for n in range(1_000)]
    pair = Rule(id="pair", severity="info", actors=ActorCondition(all=("a1", "rare")))
    off = Rule(id="off", severity="info", enabled=False)
    index = RuleSet((off, *rules, pair, Rule(id="always", severity="info"))).index
    assert index.asked(["a1", "b7", "elsewhere"]) == [2, 8, 1002]
    assert index.asked(["rare"]) == [1001, 1002]
    assert index.asked([]) == [1002]


def test_an_article_makes_a_bounded_number_of_matches_those_of_the_first_rules() -> None:
    rules = RuleSet(tuple(Rule(id=f"r{n}", severity="info") for n in range(MATCHES_MAX + 5)))
    made = matches(rules, mentions("a", "nato"), NOON)
    assert [alert.rule for alert in made] == [f"r{n}" for n in range(MATCHES_MAX)]


def test_an_alert_shows_first_the_sentences_that_decided() -> None:
    found = article(*FAR, title=("NATO in the headline", (("nato", "name", 0.9),)))
    (alert,) = matches(RuleSet((words(any=("missile",)),)), found, NOON)
    assert [sentence.text for sentence in alert.sentences] == [
        "Iran fired a missile.", "NATO in the headline", "NATO plays football."
    ]  # fmt: skip
    (alert,) = matches(RuleSet((asks(),)), found, NOON)
    assert alert.sentences[0].text == "NATO in the headline"
