"""Whether an article matches a rule, and the matches that it makes. Pure functions of a record and a set of rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal

from consumers.article_view import ArticleView
from consumers.rules import KINDS, Rule, RuleSet, WordCondition, match_id, version
from wirewatch.records import FIELDS, ActorMentions, Alert, AlertActor, Mention, Mentions

MATCHES_MAX = 1_000
"""An article makes so many matches at most, those of the first rules: a place in the outbox has no room for more."""

Reason = Literal[
    "matched", "disabled", "nothing-found", "source-not-wanted", "country-not-wanted", "language-not-wanted",
    "excluded-actor", "actor-missing", "score-too-low", "kind-not-wanted", "not-in-field", "word-missing",
    "excluded-word", "not-together", "other-rule-matched",
]  # fmt: skip
_Held = dict[str, Sequence[Mention]]


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a rule does, or does not, match. ``actors``: those that decided, which matched or which failed. ``rules``:
    those above it that matched."""

    reason: Reason
    actors: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    sentences: frozenset[int] = field(default=frozenset(), compare=False)
    """Numbers of the sentences with mentions that hold every condition, where these are not all that there are."""

    @property
    def matched(self) -> bool:
        return self.reason == "matched"


def matches(rules: RuleSet, mentions: Mentions, now: datetime) -> tuple[Alert, ...]:
    """One alert per rule that matches, in the order of the rules, none of a story yet: ``id`` and ``match`` are the
    match's. ``now`` is only shown; ids do not depend on it, so a replay makes the same. At most MATCHES_MAX."""
    view = ArticleView(mentions, rules.countries)
    made: list[Alert] = []
    if view.present:
        asked = (rules.rules[number] for number in rules.index.asked(view.present))
        for rule, decision in decisions(asked, view):
            if decision.matched:
                made.append(_alert(rule, decision, view, now))
                if len(made) == MATCHES_MAX:
                    break
    return tuple(made)


def decisions(rules: Iterable[Rule], view: ArticleView) -> Iterator[tuple[Rule, Decision]]:
    """What comes of each of the rules, asked in this order: a rule that matches may exclude ones below it."""
    matched: set[str] = set()
    for rule in rules:
        decision = decide(rule, view)
        if decision.matched:
            if above := tuple(each for each in rule.unless if each in matched):
                decision = Decision("other-rule-matched", decision.actors, above)
            else:
                matched.add(rule.id)
        yield rule, decision


def decide(rule: Rule, view: ArticleView) -> Decision:
    """Whether ``rule``, asked alone, matches. Conditions are asked in one order; the reason is the first that fails:
    the article (source, country, language), the actors that it names or must not name, then mention by mention the
    score, the kind, the field and the words around it, and last whether those that are left stand together."""
    if not rule.enabled:
        return Decision("disabled")
    if not view.present:
        return Decision("nothing-found")
    if reason := _of_article(rule, view):
        return Decision(reason)
    if excluded := tuple(sorted(view.present.keys() & set(rule.actors.none))):
        return Decision("excluded-actor", excluded)
    if missing := tuple(id_ for id_ in rule.actors.all if id_ not in view.present):
        return Decision("actor-missing", missing)
    wanted = [id_ for id_ in dict.fromkeys(rule.actors.any or rule.actors.all or view.present) if id_ in view.present]
    if not wanted:
        return Decision("actor-missing", rule.actors.any)
    held = _held(rule, view, wanted)
    if isinstance(held, Decision):
        return held
    together = _together(rule, view, wanted, held)
    if not together:
        return Decision("not-together", tuple(sorted(held)))
    return Decision("matched", tuple(sorted(together)), sentences=_deciding(view, held, together))


def _held(rule: Rule, view: ArticleView, wanted: Sequence[str]) -> _Held | Decision:
    """The mentions that hold every condition, per actor; or the first condition that leaves an actor that is needed, or
    all that are wanted, without any."""
    needed = rule.actors.all
    held: _Held = {id_: view.present[id_].mentions for id_ in (*wanted, *needed)}
    for reason, holds in _of_mention(rule, view):
        asked = [id_ for id_ in wanted if id_ in held]
        held = {id_: kept for id_, own in held.items() if (kept := [mention for mention in own if holds(mention)])}
        if failed := [id_ for id_ in needed if id_ not in held]:
            return Decision(reason, tuple(failed))
        if not any(id_ in held for id_ in asked):
            return Decision(reason, tuple(asked))
    return held


def _of_article(rule: Rule, view: ArticleView) -> Reason | None:
    if not _allowed(_lowered(rule.sources.any), _lowered(rule.sources.none), lambda: view.sources):
        return "source-not-wanted"
    if not _allowed(rule.countries.any, rule.countries.none, lambda: (view.country or "",)):
        return "country-not-wanted"
    if not _allowed(rule.languages.any, rule.languages.none, lambda: (view.language,)):
        return "language-not-wanted"
    return None


def _allowed(wanted: Collection[str], unwanted: Collection[str], found: Callable[[], Sequence[str]]) -> bool:
    if not wanted and not unwanted:
        return True
    have = found()
    return (not wanted or any(each in wanted for each in have)) and not any(each in unwanted for each in have)


@lru_cache(maxsize=100_000)
def _lowered(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.casefold().strip() for name in names)


def _of_mention(rule: Rule, view: ArticleView) -> Iterator[tuple[Reason, Callable[[Mention], bool]]]:
    """The conditions that each mention must hold, in order; those that all mentions hold are left out."""
    if rule.score_min > 0:
        yield "score-too-low", lambda mention: mention.score >= rule.score_min
    if set(rule.kinds) != set(KINDS):
        yield "kind-not-wanted", lambda mention: mention.kind in rule.kinds
    if set(rule.fields) != set(FIELDS):
        yield "not-in-field", lambda mention: mention.field in rule.fields
    words = rule.words
    if words.any or words.all:
        yield "word-missing", lambda mention: _has_words(words, view, mention)
    if words.none:
        yield (
            "excluded-word",
            lambda mention: not any(view.holds(view.unit(mention, words.within), word) for word in words.none),
        )


def mentions_asked(rule: Rule, reason: Reason, view: ArticleView, actor: str) -> list[Mention]:
    """The actor's mentions that hold every condition before the one that ``reason`` is of: those that it was put to."""
    left = list(view.present[actor].mentions)
    for condition, holds in _of_mention(rule, view):
        if condition == reason:
            break
        left = [mention for mention in left if holds(mention)]
    return left


def _has_words(words: WordCondition, view: ArticleView, mention: Mention) -> bool:
    unit = view.unit(mention, words.within)
    return all(view.holds(unit, word) for word in words.all) and (
        not words.any or any(view.holds(unit, word) for word in words.any)
    )


def _together(rule: Rule, view: ArticleView, wanted: Sequence[str], held: _Held) -> set[str]:
    """The actors that decide: those needed, and each one asked for that stands in one place with all of them; none
    where there is no such place."""
    asked, needed = [id_ for id_ in wanted if id_ in held], rule.actors.all
    if rule.actors.within == "article" or not needed:
        return {*asked, *needed}
    units = {id_: {view.unit(mention, rule.actors.within) for mention in own} for id_, own in held.items()}
    shared = set.intersection(*(units[id_] for id_ in needed))
    if joined := {id_ for id_ in asked if units[id_] & shared}:
        return {*joined, *needed}
    return set()


def _deciding(view: ArticleView, held: _Held, together: set[str]) -> frozenset[int]:
    found = {mention.sentence for id_ in together for mention in held[id_] if mention.sentence is not None}
    return frozenset(found) if len(found) < len(view.mentions.sentences) else frozenset()


def _alert(rule: Rule, decision: Decision, view: ArticleView, now: datetime) -> Alert:
    mentions = view.mentions
    article_id = mentions.article_id or ""
    # All actors of the article are shown, those that decided first, then by score.
    actors = sorted(mentions.actors, key=lambda actor: (actor.id not in decision.actors, -actor.score, actor.id))
    match = match_id(rule, (actor.id for actor in actors), article_id)
    return Alert(
        id=match,
        match=match,
        rule=rule.id,
        rule_version=version(rule),
        severity=rule.severity,
        summary=rule.summary,
        reason=reason_told(rule, decision, actors),
        actors=tuple(_shown(actor) for actor in actors),
        article_id=article_id,
        article_revision=mentions.revision,
        title=mentions.title,
        source=mentions.source,
        url=mentions.url,
        language=mentions.language,
        published=mentions.published,
        first_seen=mentions.first_seen,
        raised=now,
        received_ms=mentions.received_ms,
        sentences=view.shown(decision.sentences),
    )


def reason_told(rule: Rule, decision: Decision, actors: Iterable[ActorMentions]) -> str:
    """Why the rule matched, in one sentence for people."""
    named = ", ".join(f"{actor.name} ({actor.score:.2f})" for actor in actors if actor.id in decision.actors)
    where = "" if set(rule.fields) == set(FIELDS) else f" in {' or '.join(rule.fields)}"
    together = "" if rule.actors.within == "article" or not rule.actors.all else f" in one {rule.actors.within}"
    words = [*rule.words.all, *([" or ".join(rule.words.any)] if rule.words.any else [])]
    near = f" near {' and '.join(words)}" if words else ""
    return f"{named} named{where}{together}{near}; the rule asks for {rule.score_min:g}"


def _shown(actor: ActorMentions) -> AlertActor:
    best = max(actor.mentions, key=lambda mention: mention.score, default=None)
    return AlertActor(
        id=actor.id,
        name=actor.name,
        score=actor.score,
        mentions=len(actor.mentions),
        why=best.why if best else "",
    )
