"""The locks: every file hashed, no address to download from, and the same versions everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.repository import ROOT, read

LOCKS = sorted(path.relative_to(ROOT) for path in (ROOT / "requirements").glob("*.lock"))


def _pins(lock: Path) -> dict[str, list[str]]:
    """Pinned requirement to its hashes."""
    joined = read(lock).replace("\\\n", " ")
    lines = (line.split(" --hash=") for line in joined.splitlines() if line)
    return {pin.strip(): [found.strip() for found in hashes] for pin, *hashes in lines}


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_every_line_pins_one_version_and_has_hashes(lock: Path) -> None:
    pins = _pins(lock)
    assert pins
    for pin, hashes in pins.items():
        assert re.fullmatch(r"[a-z0-9.-]+==[^ ]+( ; .+)?", pin), pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", found) for found in hashes), pin


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_a_lock_names_no_address_and_no_folder(lock: Path) -> None:
    assert not re.search(r"://| @ |#|--(?!hash=)|(?<![a-z0-9])/", read(lock))


def test_what_runs_is_what_is_tested() -> None:
    run, dev = (_pins(Path("requirements") / name) for name in ("run.lock", "dev.lock"))
    assert {pin: dev.get(pin) for pin in run} == run


def test_everything_that_the_project_asks_for_is_pinned() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["embedded"]]
    names = {re.split(r"[<>=~!\[ ;]", requirement)[0].replace(".", "-") for requirement in asked}
    assert names <= {pin.partition("==")[0] for pin in _pins(Path("requirements/run.lock"))}, "run: make lock"


def test_spacy_is_the_version_that_the_project_names() -> None:
    (pinned,) = re.findall(r'"(spacy==[^"]+)"', read("pyproject.toml"))
    assert pinned in _pins(Path("requirements/run.lock"))
