"""Ten thousand seeds hold, a seed is always the same run, and the runs notice each safeguard that is taken out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.simulation.mutations import MUTATIONS

# A fixed range: a failure is then the fault of a change. `python -m tests.simulation --seeds 0:500000` looks further.
SEEDS = 10_000


def simulation(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(600)
def test_whatever_goes_wrong_every_article_is_counted_once_and_alerted_once() -> None:
    done = simulation("--seeds", f"0:{SEEDS}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seeds 0 to {SEEDS - 1}: 0 violations" in done.stdout


def test_a_seed_is_the_same_run_again() -> None:
    first, second = (simulation("--seed", "4711", "--trace") for _ in range(2))
    assert first.stdout == second.stdout
    assert len(first.stdout.splitlines()) > 20


@pytest.mark.parametrize("safeguard", MUTATIONS)
def test_the_simulation_fails_without_a_safeguard(safeguard: str) -> None:
    done = simulation("--seeds", "0:2000", "--without", safeguard, "--until-violation", "--jobs", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 violations" in done.stdout
