"""docs/reference.md and the README say what the code says."""

from __future__ import annotations

import re

import click

from tests.house import reference
from tests.house.repository import ROOT, read
from wirewatch.cli.main import cli
from wirewatch.settings import declared


def test_the_reference_is_up_to_date() -> None:
    assert reference.FILE.read_text(encoding="utf-8") == reference.render(), "run: make docs"


def _resolves(words: list[str]) -> bool:
    """Whether the words after ``wirewatch`` lead to a command, and its options exist."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        words = words[2:] if words[0] == "--config" else words
        found = command.get_command(click.Context(command), words[0]) if words else None
        if found is None:
            return words[:1] == ["--help"] or not words
        command, words = found, words[1:]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return {word.partition("=")[0] for word in words if word.startswith("--")} <= options


def test_every_command_in_the_documents_exists() -> None:
    shown = {
        line.strip()
        for page in ("README.md", "CONTRIBUTING.md")
        for line in re.findall(
            r"(?:^|[`|] *)(?:[A-Z_]+=\S+ )*wirewatch +([a-z-][^`\n|>#]*)", read(page), flags=re.MULTILINE
        )
    }
    assert shown
    assert {line for line in shown if not _resolves(line.split())} == set()


def test_every_setting_in_the_readme_exists() -> None:
    named = set(re.findall(r"\b(?:WIREWATCH|KAFKA|REDIS)_[A-Z_]+\b", read("README.md")))
    assert named <= {setting.variable for setting in declared()} | {"WIREWATCH_SECRETS_DIR", "WIREWATCH_CONFIG"}


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", read(page), flags=re.MULTILINE)) <= targets, page


def test_the_readme_opens_with_the_two_commands_that_do_everything() -> None:
    opening = read("README.md").splitlines()[:12]
    assert [line.split()[:2] for line in opening if line.startswith("make ")] == [["make", "demo"], ["make", "test"]]


def test_links_to_files_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
