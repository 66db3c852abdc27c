"""Files and functions stay small enough to be read in one go. Data is exempt: only Python is measured."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.repository import PACKAGES, read, tracked_python

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "misc"}


def test_no_file_is_too_long() -> None:
    lengths = {str(path): len(read(path).splitlines()) for path in tracked_python()}
    assert {path: lines for path, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def _functions(path: Path) -> dict[str, int]:
    return {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_no_function_is_too_long() -> None:
    lengths = {name: lines for path in tracked_python() for name, lines in _functions(path).items()}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}


def test_modules_are_named_for_what_they_do() -> None:
    assert {str(path) for path in tracked_python() if path.stem in NAMES_THAT_SAY_NOTHING} == set()


def test_every_module_and_public_name_says_its_contract() -> None:
    silent = []
    for path in tracked_python(*PACKAGES):
        tree = ast.parse(read(path))
        if ast.get_docstring(tree) is None:
            silent.append(str(path))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None:
                silent.append(f"{path}:{node.lineno} {node.name}")
    assert silent == []
