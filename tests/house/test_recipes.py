"""The recipes of CONTRIBUTING.md stay true: every path and every name in them exists where they say."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.repository import ROOT, read
from wirewatch.topics import TOPICS

RECIPES = dict(
    part.split("\n", 1) for part in re.split(r"^## ", read("CONTRIBUTING.md"), flags=re.MULTILINE)[1:]
)  # heading to text
NEEDED = ("To add a stage", "To add a channel", "To add a language")


def _code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def _is_path(code: str) -> bool:
    return " " not in code and ("/" in code or code.endswith((".md", ".toml", ".yml", ".in")))


def _names(path: str) -> set[str]:
    """Names that a module defines at its top."""
    names: set[str] = set()
    for node in ast.parse(read(path)).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom():
                names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("recipe", NEEDED)
def test_a_recipe_is_there_and_has_steps(recipe: str) -> None:
    assert re.findall(r"^(\d)\. ", RECIPES[recipe], flags=re.MULTILINE)[:3] == ["1", "2", "3"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_path_in_a_recipe_exists(recipe: str) -> None:
    # A <name> is what the reader chooses: the folder around it must be there.
    paths = [code.partition("<")[0] for code in _code(RECIPES[recipe]) if _is_path(code)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_name_in_a_recipe_is_defined_in_a_module_that_the_recipe_names(recipe: str) -> None:
    code = _code(RECIPES[recipe])
    modules = [path for path in code if path.endswith(".py") and "<" not in path]
    if recipe in NEEDED:
        modules += ["wirewatch/errors.py"]  # introduced above the recipes
    defined = {name for module in modules for name in _names(module)}
    names = {word for word in code if re.fullmatch(r"[A-Z][A-Za-z]+|[A-Z]{4,}", word)}
    assert names <= defined


def test_topics_in_the_documents_exist() -> None:
    named = set(re.findall(r"\b[a-z.]+\.v\d\b", read("README.md") + read("CONTRIBUTING.md")))
    assert {"articles.v1", "alerts.v1"} <= named <= {topic.name for topic in TOPICS}
