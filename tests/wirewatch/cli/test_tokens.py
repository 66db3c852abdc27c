"""``wirewatch tokens``: made once, kept as hashes, for publishing or for the API."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from wirewatch.cli.main import cli


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["tokens", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("role", "setting", "owner"),
    [("ingest", "INGEST", "source"), ("read", "API", "name"), ("admin", "API", "name")],
)
def test_a_token_that_was_made_is_listed_once_its_entry_is_in_the_settings(
    role: str, setting: str, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = json.loads(run("new", "anna", "--role", role, "--json"))
    assert made["role"] == role
    monkeypatch.setenv(f"WIREWATCH_{setting}_TOKENS", made["entry"])
    listed = json.loads(run("list", "--json"))
    assert listed[owner] == "anna"
    assert listed["role"] == role
    assert made["token"] not in run("list")


def test_without_a_role_a_token_is_for_publishing_as_ever() -> None:
    assert "anna:sha256:" in run("new", "anna")


def test_a_role_that_does_not_exist_is_a_wrong_use() -> None:
    assert CliRunner().invoke(cli, ["tokens", "new", "anna", "--role", "root"]).exit_code == 2
