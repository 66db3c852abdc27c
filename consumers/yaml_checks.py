"""Check what was read from a YAML file, and collect one line per mistake: where it is and how to mend it.

The one module that knows the YAML library, but for the two classes of it that readers match on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError


@dataclass
class Checks:
    """Collects the mistakes of one file, so that a user sees them all at once."""

    file: str
    problems: list[tuple[int, str]] = field(default_factory=list)

    def load(self, path: Path) -> object:
        """The document in ``path``, whose parts know their lines; None and a problem where it cannot be read."""
        text = self.read(path)
        return None if text is None else self.parse(text)

    def read(self, path: Path) -> str | None:
        """The text of the file; None and a problem where it cannot be read."""
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self.problem(0, "there is no such file")
        except (OSError, UnicodeDecodeError) as error:
            self.problem(0, f"cannot be read ({error}); it must be a text file in UTF-8")
        return None

    def parse(self, text: str) -> object:
        """The document that ``text`` is, whose parts know their lines; None and a problem where it is none."""
        try:
            return YAML(typ="rt").load(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.problem(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}; mend this line")
        except (YAMLError, ValueError, RecursionError) as error:
            self.problem(1, f"not YAML: {str(error).splitlines()[0]}")
        return None

    def lines(self) -> list[str]:
        """The problems in the order of the file."""
        return [text for _, text in sorted(self.problems)]

    def strings(self, owner: CommentedMap, key: str) -> list[str]:
        """The texts in the list under ``key``; a missing list is empty."""
        values = owner.get(key, CommentedSeq())
        if not isinstance(values, CommentedSeq):
            self.problem(line_of(owner, key), f"{key} must be a list of texts")
            return []
        for value, line in items_of(values):
            if not isinstance(value, str) or not value.strip():
                self.problem(line, f"{value!r} in {key} is no text; put quotes around it")
        return [value for value in values if isinstance(value, str)]

    def matching(self, owner: CommentedMap, key: str, pattern: re.Pattern[str], wanted: str) -> str:
        """The text under ``key`` if all of it matches; else a problem that says what is ``wanted``, and no text."""
        value = owner.get(key)
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        found = f"{key} is {value!r}" if key in owner else f"{key} is missing"
        self.problem(line_of(owner, key), f"{found}; it must be {wanted}")
        return ""

    def choice(self, owner: CommentedMap, key: str, choices: tuple[str, ...], default: str) -> Any:
        """The value under ``key``, or ``default`` where it is missing; anything else is a problem."""
        value = owner.get(key, default)
        if value not in choices:
            self.problem(line_of(owner, key), f"{key} is {value!r}; it must be one of {', '.join(choices)}")
        return value

    def is_map(self, value: object, line: int, what: str, allowed: tuple[str, ...] | None) -> TypeGuard[CommentedMap]:
        """True for a map with no other keys than ``allowed`` (None: any); else a problem, and False if it is no map."""
        if not isinstance(value, CommentedMap):
            self.problem(line, f"{what} must be a map, with lines such as `name: value`")
            return False
        if allowed is not None:
            for key in set(value) - set(allowed):
                self.problem(line_of(value, key), f'"{key}" is unknown in {what}; it has {", ".join(allowed)}')
        return True

    def problem(self, line: int, text: str) -> None:
        """Note a mistake in that line; line 0 is the file as a whole."""
        where = f"{self.file}:{line}" if line else self.file
        self.problems.append((line, f"{where}: {text}"))


def line_of(owner: CommentedMap, key: object) -> int:
    """The line of ``key`` in the file, or of the map where the key is missing."""
    position = owner.lc.data.get(key) if owner.lc.data else None
    return int(position[0] if position else owner.lc.line) + 1


def items_of(values: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    """The items of a list that was read from a file, each with its line in it."""
    lines = values.lc if isinstance(values, CommentedSeq) else None
    for index, value in enumerate(values):
        position = lines.data.get(index) if lines is not None and lines.data else None
        yield value, int(position[0] if position else lines.line if lines is not None else 0) + 1
