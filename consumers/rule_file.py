"""Reads a rules file, and tells the line of whatever is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from consumers.rules import Rule
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


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: tuple[Rule, ...]


def load_rules(path: Path | None = None, actors: Iterable[str] | None = None) -> tuple[Rule, ...]:
    """The rules of a file, in its order; without ``path`` the shipped ones.

    With ``actors``, the ids of the watchlist, every actor that a rule names must be among them.
    Raises UserError ``file:line: what is wrong and how to mend it``.
    """
    path = path or shipped("rules.yaml")
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8") from error
    return parse_rules(text, str(path), actors)


def parse_rules(text: str, name: str, actors: Iterable[str] | None = None) -> tuple[Rule, ...]:
    """``load_rules`` of text that is at hand; ``name`` stands for the file in messages."""
    data, lines = _read(text, name)
    try:
        rules = msgspec.convert(data, _File).rules
    except msgspec.ValidationError as error:
        raise UserError(_told(name, lines, str(error))) from error
    if not rules:
        raise UserError(f"{name}:{_line(lines, ['rules'])}: there are no rules, so nothing would raise an alert")
    _check_ids(rules, name, lines)
    if actors is not None:
        _check_actors(rules, frozenset(actors), name, lines)
    return rules


def _read(text: str, name: str) -> tuple[Any, Any]:
    """The plain values, and the same once more with the line of each."""
    try:
        return YAML(typ="safe", pure=True).load(text), YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UserError(f"{name}:{line}: {(error.problem or 'not YAML').splitlines()[0]}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{name}: not YAML: {str(error).splitlines()[0]}") from error


def _told(name: str, lines: Any, problem: str) -> str:
    what, _, where = problem.partition(" - at `$")
    steps: list[str | int] = [word or int(number) for word, number in _STEP.findall(where)]
    if field := _NAMED.search(what):
        steps.append(field[1])
    hint = next((_HINTS[step] for step in reversed(steps) if isinstance(step, str) and step in _HINTS), "")
    shown = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    return f"{name}:{_line(lines, steps)}: {shown + ': ' if shown else ''}{what}{'; ' + hint if hint else ''}"


def _line(lines: Any, steps: Iterable[str | int]) -> int:
    """The line of the deepest place on the way that exists, counted from 1."""
    line = 0
    for step in steps:
        places = getattr(getattr(lines, "lc", None), "data", None) or {}
        if step not in places:
            break
        line = places[step][0]
        lines = lines[step]
    return int(line) + 1


def _check_ids(rules: tuple[Rule, ...], name: str, lines: Any) -> None:
    first: dict[str, int] = {}
    for index, rule in enumerate(rules):
        if rule.id in first:
            before = _line(lines, ["rules", first[rule.id], "id"])
            line = _line(lines, ["rules", index, "id"])
            raise UserError(f"{name}:{line}: the rule {rule.id!r} stands at line {before} already; give one a new id")
        first[rule.id] = index


def _check_actors(rules: tuple[Rule, ...], known: frozenset[str], name: str, lines: Any) -> None:
    for index, rule in enumerate(rules):
        for part in ("any", "all", "none"):
            for position, actor in enumerate(getattr(rule.actors, part)):
                if actor not in known:
                    line = _line(lines, ["rules", index, "actors", part, position])
                    have = ", ".join(sorted(known)) or "nobody"
                    raise UserError(f"{name}:{line}: the watchlist has no actor {actor!r}; it has {have}")
