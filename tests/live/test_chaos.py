"""The kill campaign on real Apache Kafka: a short one always, the long ones where they are asked for."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.path_contract import wirewatch
from wirewatch.errors import UserError
from wirewatch.local.kafka_files import java

pytestmark = pytest.mark.live
asked_for = pytest.mark.skipif(
    not os.environ.get("CAMPAIGNS"),
    reason="minutes of kills and outages: CAMPAIGNS=1 make test PYTEST_ARGS=tests/live/test_chaos.py",
)


@pytest.fixture(autouse=True)
def _kafka_can_run() -> None:
    """A campaign starts a Kafka of its own."""
    try:
        java()
    except UserError as error:
        pytest.skip(f"{error}; then `make test` runs this")
    if shutil.which("mvn") is None and not Path(".cache/kafka").exists():
        pytest.skip("Apache Kafka is fetched with Maven, and there is no mvn")


def _campaign(folder: Path, *options: str) -> dict[str, Any]:
    done = wirewatch(
        {"WIREWATCH_DATA_DIR": str(folder), "KAFKA_BOOTSTRAP_SERVERS": ""},
        *("chaos", "--kafka", "local", "--json", *options),
    )
    report: dict[str, Any] = json.loads(done)
    assert report["holds"], report
    return report


@pytest.mark.timeout(600)
def test_twenty_kills_under_ten_thousand_articles_lose_and_double_nothing(tmp_path: Path) -> None:
    report = _campaign(tmp_path, "--articles", "10000", "--kills", "20", "--seed", "20200109")
    assert report["kills"] == 20
    assert report["verdict"]["repeats"]["that end a worker"] >= 10


@asked_for
@pytest.mark.timeout(900)
def test_a_storm_of_rebalances_and_zombies_lose_and_double_nothing(tmp_path: Path) -> None:
    report = _campaign(tmp_path, "--kills", "0", "--storm", "6", "--zombies", "6", "--seed", "20200109")
    done = report["done"]
    assert sum(number for name, number in done.items() if name.startswith(("storm", "zombie"))) == 12


@asked_for
@pytest.mark.timeout(600)
@pytest.mark.parametrize("server", ["redis", "broker"])
def test_a_server_away_under_load_is_waited_for_and_told_outside(tmp_path: Path, server: str) -> None:
    report = _campaign(tmp_path, "--articles", "3000", "--away", server, "--minutes", "1", "--seed", "20200109")
    assert report["catch_up"] >= 2
