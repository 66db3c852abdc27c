"""Makes values of a declared type out of what was read from a YAML file, or tells the line of what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from consumers.yaml_checks import Checks

T = TypeVar("T", bound=msgspec.Struct)

_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_NAMED = re.compile(r"(?:unknown|required) field `(\w+)`")
# The pattern of a type says nothing to a person; the hint does.
_PATTERN = re.compile(r" matching regex '.*'$")


def struct_of(checks: Checks, item: object, line: int, kind: type[T], hints: Mapping[str, str]) -> T | None:
    """``item``, read at ``line``, as a ``kind``; None and a problem, with the line, where it does not fit.

    ``hints``: field → how to mend it; ``outer.inner`` goes before ``outer``.
    """
    try:
        return msgspec.convert(_plain(item), kind)
    except UnicodeEncodeError:
        checks.problem(line, "half of a character written with \\u; write the character itself")
        return None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        steps: list[str | int] = [word or int(number) for word, number in _STEP.findall(where)]
        if field := _NAMED.search(what):
            steps.append(field[1])
        shown = ".".join(str(step) for step in steps if isinstance(step, str))
        hint = hints.get(shown) or next((hints[str(step)] for step in steps if step in hints), "")
        told = _PATTERN.sub(" of another form", what)
        told = f"{shown}: {told}" if shown and not field else told
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


def _plain(item: object) -> object:
    """Plain values: those of the YAML library know their lines, and are no numbers and lists to others."""
    if isinstance(item, Mapping):
        return {str(name): _plain(value) for name, value in item.items()}
    if isinstance(item, Sequence) and not isinstance(item, str):
        return [_plain(value) for value in item]
    if isinstance(item, float):
        return float(item)
    return int(item) if isinstance(item, int) and not isinstance(item, bool) else item
