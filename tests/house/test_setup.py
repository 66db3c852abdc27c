"""The set-up says in one line what it needs, and repeats nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.repository import ROOT, read


def _machine_with(tmp_path: Path, *programs: str) -> str:
    """A PATH that holds only these programs of this machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in programs:
        found = shutil.which(program)
        assert found, program
        (folder / program).symlink_to(found)
    return str(folder)


def test_without_python_make_says_which_one_is_needed(tmp_path: Path) -> None:
    path = _machine_with(tmp_path, "make", "bash")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    result = subprocess.run(
        [f"{path}/make", "demo"], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    said = "Python 3.11, 3.12 or 3.13 is needed, and none is on PATH; with another name: make demo PYTHON="
    assert result.stdout.splitlines() == [f"{said}/path/to/python3.12"]


def test_a_missing_system_package_is_said_with_the_command_and_fails_nothing(tmp_path: Path) -> None:
    path = _machine_with(tmp_path, "bash", "id")
    result = subprocess.run(
        [f"{path}/bash", ROOT / "tests" / "system-packages", "no"], env={"PATH": path}, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "redis-server is missing: the live Redis tests are skipped." in result.stdout
    assert "apt-get install redis-server" in result.stdout


def test_secrets_are_random_made_once_and_agree(tmp_path: Path) -> None:
    def made_in(folder: str) -> dict[str, str]:
        subprocess.run(
            ["bash", ROOT / "dashboards" / "make-secrets", tmp_path / folder], check=True, capture_output=True
        )
        return {path.name: path.read_text() for path in (tmp_path / folder).iterdir() if path.is_file()}

    first, again, other = made_in("a"), made_in("a"), made_in("b")
    assert first == again
    assert all(first[name] != other[name] for name in first)
    password = first["valkey.conf"].removeprefix("requirepass ").strip()
    assert len(password) == 48
    assert first["REDIS_URL"].strip() == f"redis://:{password}@valkey:6379/0"


def test_every_make_target_for_people_is_in_the_help() -> None:
    shown = subprocess.run(["make", "-C", ROOT, "-s", "help"], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in shown.splitlines()} >= {"demo", "test", "check", "lock", "docs", "clean"}


def test_ci_runs_the_same_command_as_people() -> None:
    assert "make --no-print-directory test" in read(".ci/run")


@pytest.mark.parametrize("script", [".ci/run", "tests/system-packages", "dashboards/make-secrets"])
def test_a_script_is_executable_and_parses(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", ROOT / script], check=True)
