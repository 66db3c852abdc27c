"""Turns a part of a YAML file into a record, and tells the line of what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from consumers.yaml_checks import Checks

Record = TypeVar("Record")

_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_NAMED = re.compile(r"(?:unknown|required) field `(\w+)`")


def record(checks: Checks, item: object, line: int, kind: type[Record], hints: Mapping[str, str]) -> Record | None:
    """``item`` as a record; None and a problem where it is none. ``hints`` say of a field how to write it."""
    try:
        return msgspec.convert(plain(item), kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        steps: list[str | int] = [word or int(number) for word, number in _STEP.findall(where)]
        if named := _NAMED.search(what):
            steps.append(named[1])
        hint = next((hints[step] for step in reversed(steps) if isinstance(step, str) and step in hints), "")
        shown = ".".join(str(step) for step in steps if isinstance(step, str))
        told = f"{shown}: {what}" if shown and not named else what
        checks.problem(line_at(item, steps, line), f"{told}; {hint}" if hint else told)
        return None


def line_at(item: object, steps: Iterable[str | int], line: int) -> int:
    """The line of the deepest place on the way that exists, counted from 1."""
    for step in steps:
        places = getattr(getattr(item, "lc", None), "data", None) or {}
        if step not in places:
            break
        line = int(places[step][0]) + 1
        item = item[step]  # type: ignore[index]
    return line


def plain(item: object) -> object:
    """Plain values: those of the YAML library know their lines, and are no numbers and lists to others."""
    if isinstance(item, Mapping):
        return {str(name): plain(value) for name, value in item.items()}
    if isinstance(item, Sequence) and not isinstance(item, str):
        return [plain(value) for value in item]
    if isinstance(item, float):
        return float(item)
    return int(item) if isinstance(item, int) and not isinstance(item, bool) else item
