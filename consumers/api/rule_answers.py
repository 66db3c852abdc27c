"""Rules as the API shows them, and what is wrong with a text that should be some."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from consumers.api.answers import Problem
from consumers.life.model import Precision
from consumers.rules import RuleSet
from consumers.rules import version as rule_version
from consumers.rules_in_use import InUse, Origin
from consumers.volume.model import version as volume_version
from wirewatch.errors import UserError
from wirewatch.records import AlertKind, Severity

NAME = "rules"
"""What a text that came over HTTP is called in what is told of mistakes."""
TEXT_BYTES_MAX = 200_000
"""Larger rules files: `wirewatch rules push`, or WIREWATCH_RULES."""
RULES_EXAMPLE = {"text": "rules:\n  - id: nato-and-iran\n    severity: warning\n    actors: {all: [nato, iran]}\n"}
_LINE = re.compile(rf"{NAME}:(?P<line>\d+): (?P<what>.*)", re.DOTALL)


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """What people said of a rule's alerts. ``precision``: of those true or false, the part that is true."""

    true: int = 0
    false: int = 0
    unsure: int = 0
    precision: float | None = None


class RuleItem(msgspec.Struct, frozen=True, kw_only=True):
    """One rule."""

    id: str
    kind: AlertKind
    version: str
    severity: Severity
    summary: str
    enabled: bool
    verdicts: Verdicts


class RulesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in use. ``origin``: saved (here or by `wirewatch rules push`), file (of WIREWATCH_RULES), or shipped.

    ``version`` changes whenever the text does; it is the ETag too. ``at``, ``by``: when they were saved, and who did.
    """

    version: str
    origin: Origin
    at: datetime | None
    by: str | None
    text: str
    rules: tuple[RuleItem, ...]


class RulesText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text of a rules file, in YAML."""

    text: str


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is as rules. ``where`` of a problem is `rules:LINE`; ``version``: null where there are any."""

    valid: bool
    version: str | None
    rules: tuple[str, ...]
    """Their ids."""
    problems: tuple[Problem, ...]


def answer(in_use: InUse, precisions: dict[str, Precision]) -> RulesAnswer:
    """The rules in use, each with what people said of its alerts."""
    return RulesAnswer(
        version=in_use.rules.version,
        origin=in_use.origin,
        at=in_use.at,
        by=in_use.by,
        text=in_use.text,
        rules=tuple(items(in_use.rules, precisions)),
    )


def items(rules: RuleSet, precisions: dict[str, Precision]) -> list[RuleItem]:
    """Every rule, those on articles first."""
    found = [(rule, rule_version(rule), "article") for rule in rules.rules]
    found += [(rule, volume_version(rule), str(type(rule).__struct_config__.tag)) for rule in rules.volume]
    return [
        msgspec.convert(
            {
                "id": rule.id,
                "kind": kind,
                "version": version,
                "severity": rule.severity,
                "summary": rule.summary,
                "enabled": rule.enabled,
                "verdicts": _verdicts(precisions.get(rule.id)),
            },
            RuleItem,
        )
        for rule, version, kind in found
    ]


def _verdicts(said: Precision | None) -> Verdicts:
    if said is None:
        return Verdicts()
    return Verdicts(true=said.true, false=said.false, unsure=said.unsure, precision=said.precision)


def problems(error: UserError) -> tuple[Problem, ...]:
    """One per mistake, each with its line."""
    return tuple(_problem(line) for line in str(error).splitlines())


def _problem(line: str) -> Problem:
    if match := _LINE.fullmatch(line):
        return Problem(where=f"{NAME}:{match['line']}", what=match["what"])
    return Problem(where=NAME, what=line.removeprefix(f"{NAME}: "))
