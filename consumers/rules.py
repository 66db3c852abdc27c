"""Alert rules as values: what a rule may ask of an article, and a set of rules as it is used at one time.

Whether an article matches is decided in consumers/matching.py; consumers/rule_file.py reads rules from a file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

import msgspec

from consumers.delivery.quiet import Quiet
from wirewatch.records import FIELDS, Field, MentionKind, Severity

Within = Literal["sentence", "paragraph", "article"]
KINDS: tuple[MentionKind, ...] = ("name", "derived", "metonym")

RuleId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Country = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}$")]
Language = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}$")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Part of a rule. Defaults are not written out, so a field that is new changes no rule's version."""


class ActorCondition(_Part, frozen=True, kw_only=True):
    """Actors by id. ``any`` empty: whichever the watchlist has. ``within``: those that decide stand together there."""

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    within: Within = "article"


class SourceCondition(_Part, frozen=True, kw_only=True):
    """Sources by name or domain; a domain covers its subdomains. Empty ``any``: whichever."""

    any: tuple[Word, ...] = ()
    none: tuple[Word, ...] = ()


class CountryCondition(_Part, frozen=True, kw_only=True):
    """Countries of the source, ISO 3166 codes in small letters. A source of no known country is in none of them."""

    any: tuple[Country, ...] = ()
    none: tuple[Country, ...] = ()


class LanguageCondition(_Part, frozen=True, kw_only=True):
    """Languages of the article, BCP 47 primary subtags; ``und`` is an undetermined one."""

    any: tuple[Language, ...] = ()
    none: tuple[Language, ...] = ()


class WordCondition(_Part, frozen=True, kw_only=True):
    """Words or phrases that must, or must not, stand near a mention: in the same sentence or paragraph. ``article``: in
    the headline or any paragraph that names a watched actor."""

    any: tuple[Word, ...] = ()
    all: tuple[Word, ...] = ()
    none: tuple[Word, ...] = ()
    within: Within = "paragraph"


class Rule(_Part, frozen=True, kw_only=True):
    """One rule, as the file has it (see seeds/rules.yaml for what each field means)."""

    id: RuleId
    severity: Severity
    summary: str = ""
    enabled: bool = True
    actors: ActorCondition = ActorCondition()
    fields: Annotated[tuple[Field, ...], msgspec.Meta(min_length=1)] = FIELDS
    kinds: Annotated[tuple[MentionKind, ...], msgspec.Meta(min_length=1)] = KINDS
    score_min: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    words: WordCondition = WordCondition()
    sources: SourceCondition = SourceCondition()
    countries: CountryCondition = CountryCondition()
    languages: LanguageCondition = LanguageCondition()
    unless: tuple[str, ...] = ()
    """Ids of rules above it: no match where one of them matches."""
    quiet: tuple[Quiet, ...] = ()
    """Hours in which nobody is notified of its alerts."""


@dataclass(frozen=True)
class RuleSet:
    """The rules in use at one time, in the order of their file. Safe to share between threads."""

    rules: tuple[Rule, ...] = ()
    volume: tuple[Any, ...] = ()
    """Volume rules (consumers/volume/model.py)."""
    version: str = ""
    """Changes whenever the text of the file does."""
    countries: Mapping[str, str] = field(default_factory=dict)
    """Source or domain → its country, as the operator says; a source's own domain tells the others."""

    @cached_property
    def index(self) -> ActorIndex:
        """Tells which of the rules are worth asking."""
        return ActorIndex(self.rules)

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        """The article rules by their ids."""
        return {rule.id: rule for rule in self.rules}


class ActorIndex:
    """Which rules may match an article that names certain actors, without looking at the others.

    A rule stands under one actor that it needs (the one that fewest rules name), or under each that it may have; a rule
    that takes any watched actor is asked of every article.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._always: list[int] = []
        self._of_actor: dict[str, list[int]] = {}
        named = Counter(actor for rule in rules for actor in {*rule.actors.all, *rule.actors.any})
        for number, rule in enumerate(rules):
            if not rule.enabled:
                continue
            asked = rule.actors
            if not asked.all and not asked.any:
                self._always.append(number)
            for actor in [min(asked.all, key=lambda each: (named[each], each))] if asked.all else {*asked.any}:
                self._of_actor.setdefault(actor, []).append(number)

    def asked(self, actors: Iterable[str]) -> Sequence[int]:
        """Numbers of all rules that can match an article of exactly these actors, and maybe of more, ascending."""
        found = [numbers for actor in actors if (numbers := self._of_actor.get(actor))]
        if not found:
            return self._always
        return sorted({*self._always, *(number for numbers in found for number in numbers)})


@lru_cache(maxsize=10_000)
def version(rule: Rule) -> str:
    """Changes whenever what the rule means changes: a hash of all but its summary, its quiet hours and its switch."""
    meaning = msgspec.structs.replace(rule, summary="", quiet=(), enabled=True)
    return hashlib.sha256(msgspec.json.encode(meaning)).hexdigest()[:12]


def match_id(rule: Rule, actors: Iterable[str], article_id: str) -> str:
    """The same for the same rule, actors and article, whoever computes it and whenever."""
    parts = (rule.id, version(rule), *sorted(actors), article_id)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
