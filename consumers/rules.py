"""Alert rules: whether an article matches, and the alert that it then raises. Pure functions of a record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Literal

import msgspec

from consumers.showing import sentences
from wirewatch.records import FIELDS, ActorMentions, Alert, AlertActor, Field, Mentions, Severity

Reason = Literal["matched", "nothing-found", "excluded-actor", "actor-missing", "score-too-low", "not-in-field"]


class ActorCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Actors by id. ``any`` empty: whichever the watchlist has."""

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule, as the file has it (see seeds/rules.yaml for what each field means)."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    severity: Severity
    summary: str = ""
    actors: ActorCondition = ActorCondition()
    fields: Annotated[tuple[Field, ...], msgspec.Meta(min_length=1)] = FIELDS
    score_min: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a rule does, or does not, match; ``actors`` are those that decided: which matched, or which failed."""

    reason: Reason
    actors: tuple[str, ...] = ()

    @property
    def matched(self) -> bool:
        return self.reason == "matched"


def decide(rule: Rule, mentions: Mentions) -> Decision:
    """Whether ``rule`` matches the article. Conditions are asked in one order, so the reason is the first that fails:
    excluded actors, actors named at all, their scores, then where they are named."""
    present = {actor.id: actor for actor in mentions.actors}
    if mentions.status != "ok" or not present:
        return Decision("nothing-found")
    if excluded := tuple(sorted(present.keys() & set(rule.actors.none))):
        return Decision("excluded-actor", excluded)
    if missing := tuple(id_ for id_ in rule.actors.all if id_ not in present):
        return Decision("actor-missing", missing)
    wanted = [present[id_] for id_ in dict.fromkeys(rule.actors.any or present) if id_ in present]
    if not wanted:
        return Decision("actor-missing", rule.actors.any)
    needed = [present[id_] for id_ in rule.actors.all]
    scored = [actor for actor in wanted if actor.score >= rule.score_min]
    if low := _failing(needed, scored, wanted, lambda actor: actor.score >= rule.score_min):
        return Decision("score-too-low", low)
    placed = [actor for actor in scored if _is_named_in(actor, rule.fields)]
    if absent := _failing(needed, placed, scored, lambda actor: _is_named_in(actor, rule.fields)):
        return Decision("not-in-field", absent)
    return Decision("matched", tuple(sorted({actor.id for actor in (*placed, *needed)})))


def raise_alert(mentions: Mentions, rules: Iterable[Rule], now: datetime) -> Alert | None:
    """The alert of the first rule that matches, or None. ``now`` is only shown; the id does not depend on it, so a
    replay raises the same alert."""
    for rule in rules:
        decision = decide(rule, mentions)
        if decision.matched:
            return _alert(rule, decision, mentions, now)
    return None


@cache
def version(rule: Rule) -> str:
    """Changes whenever what the rule means changes: a hash of all but its summary."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(rule, summary=""))).hexdigest()[:12]


def alert_id(rule: Rule, actors: Iterable[str], article_id: str) -> str:
    """The same for the same rule, actors and article, whoever computes it and whenever."""
    parts = (rule.id, version(rule), *sorted(actors), article_id)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _failing(
    needed: Sequence[ActorMentions],
    passed: Sequence[ActorMentions],
    asked: Sequence[ActorMentions],
    test: Callable[[ActorMentions], bool],
) -> tuple[str, ...]:
    """Actors that fail a condition: each that is needed must hold, and of those asked for at least one."""
    failed = [actor.id for actor in needed if not test(actor)]
    return tuple(failed or ([] if passed else [actor.id for actor in asked]))


def _is_named_in(actor: ActorMentions, fields: tuple[Field, ...]) -> bool:
    return any(mention.field in fields for mention in actor.mentions)


def _alert(rule: Rule, decision: Decision, mentions: Mentions, now: datetime) -> Alert:
    article_id = mentions.article_id or ""
    # All actors of the article are shown, those that decided first, then by score.
    actors = sorted(mentions.actors, key=lambda actor: (actor.id not in decision.actors, -actor.score, actor.id))
    return Alert(
        id=alert_id(rule, (actor.id for actor in actors), article_id),
        rule=rule.id,
        rule_version=version(rule),
        severity=rule.severity,
        reason=_told(rule, decision, actors),
        actors=tuple(_shown(actor) for actor in actors),
        article_id=article_id,
        title=mentions.title,
        source=mentions.source,
        url=mentions.url,
        language=mentions.language,
        published=mentions.published,
        first_seen=mentions.first_seen,
        raised=now,
        received_ms=mentions.received_ms,
        sentences=sentences(mentions),
    )


def _told(rule: Rule, decision: Decision, actors: Iterable[ActorMentions]) -> str:
    """One sentence for people."""
    named = ", ".join(f"{actor.name} ({actor.score:.2f})" for actor in actors if actor.id in decision.actors)
    where = "" if set(rule.fields) == set(FIELDS) else f" in {' or '.join(rule.fields)}"
    return f"{named} named{where}; the rule asks for {rule.score_min:g}"


def _shown(actor: ActorMentions) -> AlertActor:
    best = max(actor.mentions, key=lambda mention: mention.score, default=None)
    return AlertActor(
        id=actor.id,
        name=actor.name,
        score=actor.score,
        mentions=len(actor.mentions),
        why=best.why if best else "",
    )
