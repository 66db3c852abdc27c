"""Says for each rule why an article matches it, or which condition fails, with the values that decided. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from consumers.article_view import ArticleView
from consumers.matching import Decision, Reason, decisions, mentions_asked, reason_told
from consumers.rules import Rule, RuleSet, version
from wirewatch.records import Mention, Mentions, Severity


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one rule. ``why``: a sentence for people, with the values; ``actors``: those that decided."""

    rule: str
    version: str
    severity: Severity
    matched: bool
    reason: Reason
    why: str
    actors: tuple[str, ...] = ()


def explain(rules: RuleSet, mentions: Mentions) -> tuple[Explanation, ...]:
    """One per rule, in their order: exactly what ``matches`` decides, said of every rule."""
    view = ArticleView(mentions, rules.countries)
    return tuple(_explained(rule, decision, view) for rule, decision in decisions(rules.rules, view))


def _explained(rule: Rule, decision: Decision, view: ArticleView) -> Explanation:
    return Explanation(
        rule=rule.id,
        version=version(rule),
        severity=rule.severity,
        matched=decision.matched,
        reason=decision.reason,
        why=_TOLD[decision.reason](rule, decision, view),
        actors=decision.actors,
    )


def _matched(rule: Rule, decision: Decision, view: ArticleView) -> str:
    return reason_told(rule, decision, view.mentions.actors)


def _nothing(_: Rule, __: Decision, view: ArticleView) -> str:
    status, reason = view.mentions.status, view.mentions.reason
    return "the article names no watched actor" if status in ("ok", "none") else f"the article is {status}: {reason}"


def _source(rule: Rule, _: Decision, view: ArticleView) -> str:
    return f"the source is {' or '.join(view.sources) or 'unknown'}; {_asks(rule.sources.any, rule.sources.none)}"


def _country(rule: Rule, _: Decision, view: ArticleView) -> str:
    found = view.country or "not known"
    return f"the country of the source is {found}; {_asks(rule.countries.any, rule.countries.none)}"


def _language(rule: Rule, _: Decision, view: ArticleView) -> str:
    return f"the language is {view.language}; {_asks(rule.languages.any, rule.languages.none)}"


def _excluded(_: Rule, decision: Decision, view: ArticleView) -> str:
    return f"{_names(decision.actors, view)} named, which the rule excludes"


def _missing(rule: Rule, decision: Decision, view: ArticleView) -> str:
    which = "none of" if decision.actors == rule.actors.any and len(decision.actors) > 1 else "not named:"
    return f"{which} {', '.join(decision.actors)}; the article names {_names(view.present, view)}"


def _score(rule: Rule, decision: Decision, view: ArticleView) -> str:
    found = (f"{_name(id_, view)} has {view.present[id_].score:.2f}" for id_ in decision.actors)
    return f"{', '.join(found)}; the rule asks for {rule.score_min:g}"


def _kind(rule: Rule, decision: Decision, view: ArticleView) -> str:
    return _how(rule, decision, view, lambda mention: mention.kind, "as", rule.kinds)


def _field(rule: Rule, decision: Decision, view: ArticleView) -> str:
    return _how(rule, decision, view, lambda mention: mention.field, "in", rule.fields)


def _word_missing(rule: Rule, decision: Decision, view: ArticleView) -> str:
    words = rule.words
    asked = [*([f"all of {', '.join(words.all)}"] if words.all else [])]
    asked += [f"one of {', '.join(words.any)}"] if words.any else []
    where = _units(rule, decision, view)
    return f"no {words.within} that names {_names(decision.actors, view)} has {' and '.join(asked)}{where}"


def _word_excluded(rule: Rule, decision: Decision, view: ArticleView) -> str:
    held = sorted(
        word
        for word in rule.words.none
        if any(view.holds(view.unit(mention, rule.words.within), word) for mention in _asked(rule, decision, view))
    )
    return f"every {rule.words.within} that names {_names(decision.actors, view)} has one of {', '.join(held)}"


def _apart(rule: Rule, decision: Decision, view: ArticleView) -> str:
    return f"{_names(decision.actors, view)} stand in no one {rule.actors.within}"


def _overruled(_: Rule, decision: Decision, __: ArticleView) -> str:
    return f"it would match, but {' and '.join(decision.rules)} above it matched already"


_TOLD: Mapping[Reason, Callable[[Rule, Decision, ArticleView], str]] = {
    "matched": _matched,
    "disabled": lambda *_: "the rule is switched off",
    "nothing-found": _nothing,
    "source-not-wanted": _source,
    "country-not-wanted": _country,
    "language-not-wanted": _language,
    "excluded-actor": _excluded,
    "actor-missing": _missing,
    "score-too-low": _score,
    "kind-not-wanted": _kind,
    "not-in-field": _field,
    "word-missing": _word_missing,
    "excluded-word": _word_excluded,
    "not-together": _apart,
    "other-rule-matched": _overruled,
}


def _asks(wanted: Sequence[str], unwanted: Sequence[str]) -> str:
    parts = [f"one of {', '.join(wanted)}"] if wanted else []
    parts += [f"none of {', '.join(unwanted)}"] if unwanted else []
    return f"the rule asks for {' and '.join(parts)}"


def _how(
    rule: Rule,
    decision: Decision,
    view: ArticleView,
    what: Callable[[Mention], str],
    word: str,
    wanted: Sequence[str],
) -> str:
    found = []
    for id_ in decision.actors:
        ways = dict.fromkeys(map(what, mentions_asked(rule, decision.reason, view, id_)))
        found.append(f"{_name(id_, view)} is named {word} {', '.join(ways)}")
    return f"{'; '.join(found)}; the rule asks for {', '.join(wanted)}"


def _asked(rule: Rule, decision: Decision, view: ArticleView) -> list[Mention]:
    return [mention for id_ in decision.actors for mention in mentions_asked(rule, decision.reason, view, id_)]


def _units(rule: Rule, decision: Decision, view: ArticleView) -> str:
    """How many places were looked at; nothing where words are asked of the article as one."""
    if rule.words.within == "article":
        return ""
    looked = {view.unit(mention, rule.words.within) for mention in _asked(rule, decision, view)}
    return f" ({len(looked)} looked at)"


def _name(actor: str, view: ArticleView) -> str:
    return view.present[actor].name if actor in view.present else actor


def _names(actors: Iterable[str], view: ArticleView) -> str:
    return ", ".join(_name(actor, view) for actor in actors) or "none"
