"""Reads a rules file, and tells the line of whatever is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from ruamel.yaml.comments import CommentedSeq

from consumers.rules import Rule
from consumers.yaml_checks import Checks, items_of, line_of
from wirewatch.errors import UserError
from wirewatch.seeds import shipped

_HINTS = {
    "id": "use lower-case letters, digits and hyphens",
    "severity": "use info, warning or critical",
    "fields": "use a list of title, summary and text",
    "actors": "write for example {any: [nato, iran]}",
    "score_min": "use a number from 0 to 1",
}
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_NAMED = re.compile(r"(?:unknown|required) field `(\w+)`")


def load_rules(path: Path | None = None, actors: Iterable[str] | None = None) -> tuple[Rule, ...]:
    """The rules of a file, in its order; without ``path`` the shipped ones.

    With ``actors``, the ids of the watchlist, every actor that a rule names must be among them.
    Raises UserError with a line ``file:line: what is wrong; how to mend it`` per mistake.
    """
    path = path or shipped("rules.yaml")
    checks = Checks(str(path))
    document = checks.load(path)
    rules = [] if checks.problems else _rules(checks, document, None if actors is None else frozenset(actors))
    if checks.problems:
        raise UserError("\n".join(checks.lines()))
    return tuple(rules)


def _rules(checks: Checks, document: object, known: frozenset[str] | None) -> list[Rule]:
    if not checks.is_map(document, 1, "a rules file", ("rules",)):
        return []
    items = document.get("rules")
    if not isinstance(items, CommentedSeq) or not items:
        checks.problem(line_of(document, "rules"), "rules must be a list with at least one rule: `- id: my-rule`, …")
        return []
    rules: dict[str, tuple[Rule, int]] = {}
    for item, line in items_of(items):
        rule = _rule(checks, item, line)
        if rule is None:
            continue
        if rule.id in rules:
            checks.problem(line, f"the rule {rule.id!r} stands at line {rules[rule.id][1]} already; give one a new id")
        rules[rule.id] = rule, line
        if known is not None:
            _check_actors(checks, rule, item, known)
    return [rule for rule, _ in rules.values()]


def _rule(checks: Checks, item: object, line: int) -> Rule | None:
    try:
        return msgspec.convert(_plain(item), Rule)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        steps: list[str | int] = [word or int(number) for word, number in _STEP.findall(where)]
        if field := _NAMED.search(what):
            steps.append(field[1])
        hint = next((_HINTS[step] for step in steps if step in _HINTS), "")
        shown = ".".join(str(step) for step in steps if isinstance(step, str))
        told = f"{shown}: {what}" if shown and not field else what
        checks.problem(_line(item, steps, line), f"{told}; {hint}" if hint else told)
        return None


def _check_actors(checks: Checks, rule: Rule, item: object, known: frozenset[str]) -> None:
    for part in ("any", "all", "none"):
        for position, actor in enumerate(getattr(rule.actors, part)):
            if actor not in known:
                line = _line(item, ["actors", part, position], 1)
                have = ", ".join(sorted(known)) or "none"
                checks.problem(line, f"the watchlist has no actor {actor!r}; it has {have}")


def _line(item: object, steps: Iterable[str | int], line: int) -> int:
    """The line of the deepest place on the way that exists, counted from 1."""
    for step in steps:
        places = getattr(getattr(item, "lc", None), "data", None) or {}
        if step not in places:
            break
        line = int(places[step][0]) + 1
        item = item[step]  # type: ignore[index]
    return line


def _plain(item: object) -> object:
    """Plain values: those of the YAML library know their lines, and are no numbers and lists to others."""
    if isinstance(item, Mapping):
        return {str(name): _plain(value) for name, value in item.items()}
    if isinstance(item, Sequence) and not isinstance(item, str):
        return [_plain(value) for value in item]
    if isinstance(item, float):
        return float(item)
    return int(item) if isinstance(item, int) and not isinstance(item, bool) else item
