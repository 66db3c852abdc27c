"""Reads a rules file, and tells the line of whatever is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from consumers.rules import Country, Rule, RuleSet
from consumers.volume.model import KINDS, NewPair, SilentSource, Spike, VolumeRule
from consumers.yaml_checks import Checks, items_of, line_of
from consumers.yaml_structs import line_at, struct_of
from wirewatch.errors import UserError
from wirewatch.seeds import shipped

SHIPPED = "rules.yaml"
_HINTS = {
    "id": "use lower-case letters, digits and hyphens",
    "severity": "use info, warning or critical",
    "fields": "use a list of title, summary and text",
    "kinds": "use a list of name, derived and metonym",
    "actors": "write for example {any: [nato, iran]}",
    "actors.within": "use sentence, paragraph or article",
    "score_min": "use a number from 0 to 1",
    "enabled": "use true or false",
    "kind": "use spike, new-pair or silent-source",
    "hours": "use a whole number of hours",
    "baseline_days": "use a whole number from 3 to 60",
    "history_days": "use a whole number from 7 to 90",
    "days": "use a whole number from 1 to 365",
    "at_least": "use a whole number, 1 or more",
    "articles_min": "use a whole number, 1 or more",
    "times": "use a number, 1 or more",
    "significance": "use a small number, such as 0.00001; 0.05 is the largest",
    "clear_share": "use a number from 0 to 0.9",
    "words": "write for example {any: [missile, rocket], within: sentence}",
    "words.within": "use sentence, paragraph or article",
    "sources": "write for example {none: [example.com]}",
    "countries": "use codes of two small letters, for example {any: [nl, gb]}",
    "languages": "use codes of two or three small letters, for example {any: [nl, en]}",
    "unless": "use a list of ids of rules above this one",
    "quiet": "write for example [{from: '23:00', to: '07:00', zone: Europe/Amsterdam}]",
    "quiet.days": "use a list of mon, tue, wed, thu, fri, sat and sun",
}
_TOP = ("rules", "volume", "sources")
_COUNTRY = re.compile(r"[a-z]{2}")


def load_rules(path: Path | None = None, actors: Iterable[str] | None = None) -> RuleSet:
    """The rules of a file, in its order; without ``path`` the shipped ones.

    With ``actors``, the ids of the watchlist, every actor that a rule names must be among them.
    Raises UserError with a line ``file:line: what is wrong; how to mend it`` per mistake.
    """
    path = path or shipped(SHIPPED)
    return rules_of_text(read_text(path), str(path), actors)


def read_text(path: Path) -> str:
    """The text of a rules file. Raises UserError where it cannot be read."""
    checks = Checks(str(path))
    text = checks.read(path)
    if text is None:
        raise UserError("\n".join(checks.lines()))
    return text


def rules_of_text(text: str, name: str, actors: Iterable[str] | None = None) -> RuleSet:
    """As ``load_rules``, of the text of a rules file; ``name`` stands for the file in what is told of mistakes."""
    checks = Checks(name)
    known = None if actors is None else frozenset(actors)
    found = RuleSet()
    document = checks.parse(text)
    if not checks.problems and checks.is_map(document, 1, "a rules file", _TOP):
        rules = _rules(checks, document, known)
        volume = _volume(checks, document, {rule.id for rule in rules}, known)
        found = RuleSet(rules, volume, rules_version(text), _countries(checks, document))
    if checks.problems:
        raise UserError("\n".join(checks.lines()))
    return found


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """What a rules file looks like."""

    rules: list[Rule]
    volume: list[VolumeRule] = []
    sources: dict[str, Country] = {}


def rules_schema() -> dict[str, Any]:
    """The JSON Schema of a rules file, for editors; which actors and rules there are it does not know."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(_File)}


def rules_version(text: str) -> str:
    """Changes whenever the text of a rules file does."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _volume(
    checks: Checks, document: CommentedMap, taken: Iterable[str], known: frozenset[str] | None
) -> tuple[VolumeRule, ...]:
    """The volume rules. ``taken``: the ids of article rules, as alerts of both name their rule by its id."""
    items = document.get("volume")
    if items is None:
        return ()
    if not isinstance(items, CommentedSeq):
        checks.problem(line_of(document, "volume"), "volume must be a list: `- {id: my-rule, kind: spike, …}`, …")
        return ()
    ids = set(taken)
    found = []
    for item, line in items_of(items):
        if not checks.is_map(item, line, "a volume rule", None):
            continue
        kind = KINDS.get(str(item.get("kind")))
        if kind is None:
            what = f"is {item['kind']!r}" if "kind" in item else "is missing"
            checks.problem(line_at(item, ["kind"], line), f"kind {what}; {_HINTS['kind']}")
            continue
        rule = struct_of(checks, item, line, kind, _HINTS)
        if rule is None:
            continue
        if rule.id in ids:
            checks.problem(line_at(item, ["id"], line), f"there is a rule {rule.id!r} already; give this one a new id")
        ids.add(rule.id)
        if known is not None and not isinstance(rule, SilentSource):
            _check_actors(checks, rule, item, known)
        found.append(rule)
    return tuple(found)


def _rules(checks: Checks, document: CommentedMap, known: frozenset[str] | None) -> tuple[Rule, ...]:
    items = document.get("rules")
    if not isinstance(items, CommentedSeq) or not items:
        checks.problem(line_of(document, "rules"), "rules must be a list with at least one rule: `- id: my-rule`, …")
        return ()
    rules: dict[str, tuple[Rule, int]] = {}
    for item, line in items_of(items):
        rule = struct_of(checks, item, line, Rule, _HINTS)
        if rule is None:
            continue
        if rule.id in rules:
            checks.problem(line, f"the rule {rule.id!r} stands at line {rules[rule.id][1]} already; give one a new id")
        _check_unless(checks, rule, item, line, rules)
        if known is not None:
            _check_actors(checks, rule, item, known)
        rules[rule.id] = rule, line
    return tuple(rule for rule, _ in rules.values())


def _check_actors(checks: Checks, rule: Rule | Spike | NewPair, item: object, known: frozenset[str]) -> None:
    for part in ("any", "all", "none"):
        for position, actor in enumerate(getattr(rule.actors, part, ())):
            if actor not in known:
                line = line_at(item, ["actors", part, position], 1)
                have = ", ".join(sorted(known)) or "none"
                checks.problem(line, f"the watchlist has no actor {actor!r}; it has {have}")


def _check_unless(checks: Checks, rule: Rule, item: object, line: int, above: Mapping[str, object]) -> None:
    for position, other in enumerate(rule.unless):
        if other not in above or other == rule.id:
            where = line_at(item, ["unless", position], line)
            checks.problem(where, f"unless: no rule {other!r} stands above this one; {_HINTS['unless']}")


def _countries(checks: Checks, document: CommentedMap) -> dict[str, str]:
    table = document.get("sources")
    if table is None:
        return {}
    if not checks.is_map(table, line_of(document, "sources"), "sources", None):
        return {}
    found = {}
    for source in table:
        code = checks.matching(table, source, _COUNTRY, "the country of this source, a code of two small letters")
        found[str(source).casefold().strip()] = code
    return found
