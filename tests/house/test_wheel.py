"""The wheel, built offline, holds all that an installed wirewatch needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.repository import PACKAGES, ROOT, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_our_packages_and_the_seeds(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    ours = {str(path) for path in tracked() if path.parts[0] in PACKAGES}
    seeds = {str(Path("wirewatch/_seeds", *path.parts[1:])) for path in tracked() if path.parts[0] == "seeds"}
    assert {"wirewatch/_seeds/watchlist.yaml", "wirewatch/_seeds/rules.yaml"} <= seeds
    assert ours | seeds <= held
    assert not {name for name in held if name.startswith(("tests/", "dashboards/"))}


def test_an_installed_wirewatch_finds_its_watchlist(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = "import wirewatch, wirewatch.seeds as s; print(s.shipped('watchlist.yaml')); print(wirewatch.__file__)"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert all(Path(line).is_relative_to(tmp_path) for line in result.stdout.splitlines()), result.stdout
