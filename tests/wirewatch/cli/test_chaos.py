"""The kill campaign on the embedded log, small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.path_contract import wirewatch


@pytest.mark.timeout(240)
def test_a_small_campaign_on_the_embedded_log_loses_and_doubles_nothing(tmp_path: Path) -> None:
    done = wirewatch(
        {"WIREWATCH_DATA_DIR": str(tmp_path)},
        *("chaos", "--articles", "1500", "--kills", "6", "--seed", "3", "--json"),
    )
    report = json.loads(done)
    assert report["holds"], report
    assert report["kills"] == 6
    assert report["verdict"]["repeats"]["that end a worker"] >= 2
    assert report["verdict"]["repeats"]["malformed"] > 5


def test_zombies_need_a_log_that_replaces_members(tmp_path: Path) -> None:
    wirewatch({"WIREWATCH_DATA_DIR": str(tmp_path)}, "chaos", "--zombies", "3", code=2)
