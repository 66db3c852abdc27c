"""The linters run as tests, in check mode, so that one command and one summary say everything."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.house.repository import ROOT

LINTERS = {
    "ruff finds nothing": ["ruff", "check", "."],
    "ruff would reformat nothing": ["ruff", "format", "--check", "."],
    "types hold": ["mypy"],
    "no forbidden import": ["lint-imports"],
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("command", LINTERS.values(), ids=LINTERS.keys())
def test_a_linter_is_content(command: list[str]) -> None:
    program = Path(sysconfig.get_path("scripts")) / command[0]
    assert program.exists(), f"{program} is missing: make test installs it"
    result = subprocess.run(
        [program, *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{program.parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(Path.home())},
    )
    assert result.returncode == 0, f"{result.stdout}{result.stderr}"


def test_the_interpreter_is_one_that_the_project_promises() -> None:
    assert (3, 11) <= sys.version_info[:2] <= (3, 13)
