"""Reads a rules file, and tells the line of whatever is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from consumers.rules import Rule, RuleSet
from consumers.yaml_checks import Checks, items_of, line_of
from consumers.yaml_structs import line_at, struct_of
from wirewatch.errors import UserError
from wirewatch.seeds import shipped

RULES_BYTES_MAX = 20_000_000
_HINTS = {
    "id": "use lower-case letters, digits and hyphens",
    "severity": "use info, warning or critical",
    "fields": "use a list of title, summary and text",
    "kinds": "use a list of name, derived and metonym",
    "actors": "write for example {any: [nato, iran]}",
    "actors.within": "use sentence, paragraph or article",
    "score_min": "use a number from 0 to 1",
    "enabled": "use true or false",
    "words": "write for example {any: [missile, rocket], within: sentence}",
    "words.within": "use sentence, paragraph or article",
    "sources": "write for example {none: [example.com]}",
    "countries": "use codes of two small letters, for example {any: [nl, gb]}",
    "languages": "use codes of two or three small letters, for example {any: [nl, en]}",
    "unless": "use a list of ids of rules above this one",
    "quiet": "write for example [{from: '23:00', to: '07:00', zone: Europe/Amsterdam}]",
    "quiet.days": "use a list of mon, tue, wed, thu, fri, sat and sun",
    "quiet.from": "put quotes around a time from '00:00' to '23:59'",
    "quiet.to": "put quotes around a time from '00:00' to '23:59'",
}
_TOP = ("rules", "volume", "sources")
_COUNTRY = re.compile(r"[a-z]{2}")


def load_rules(path: Path | None = None, actors: Iterable[str] | None = None) -> RuleSet:
    """The rules of a file, in its order; without ``path`` the shipped ones.

    With ``actors``, the ids of the watchlist, every actor that a rule names must be among them.
    Raises UserError with a line ``file:line: what is wrong; how to mend it`` per mistake.
    """
    path = path or shipped("rules.yaml")
    checks = Checks(str(path))
    text = checks.read(path)
    return _rule_set(checks, text, actors)


def rules_of_text(text: str, name: str, actors: Iterable[str] | None = None) -> RuleSet:
    """The same for the text of a rules file; ``name`` stands for the file in what is told of mistakes."""
    return _rule_set(Checks(name), text, actors)


def _rule_set(checks: Checks, text: str | None, actors: Iterable[str] | None) -> RuleSet:
    known = None if actors is None else frozenset(actors)
    found = RuleSet()
    document = checks.parse(text) if text is not None else None
    if not checks.problems and checks.is_map(document, 1, "a rules file", _TOP):
        rules = _rules(checks, document, known)
        volume = _volume(checks, document)
        found = RuleSet(rules, volume, rules_version(text or ""), _countries(checks, document))
    if checks.problems:
        raise UserError("\n".join(checks.lines()))
    return found


def rules_version(text: str) -> str:
    """Changes whenever the text of a rules file does."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _volume(checks: Checks, document: CommentedMap) -> tuple[Any, ...]:
    """The volume rules."""
    if "volume" in document:
        checks.problem(line_of(document, "volume"), "volume rules cannot be used yet; take this out")
    return ()


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


def _check_actors(checks: Checks, rule: Rule, item: object, known: frozenset[str]) -> None:
    for part in ("any", "all", "none"):
        for position, actor in enumerate(getattr(rule.actors, part)):
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
