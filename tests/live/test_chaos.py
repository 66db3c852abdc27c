"""The short kill campaign on real Apache Kafka."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.live.conftest import KafkaServer
from tests.path_contract import wirewatch

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not os.environ.get("CAMPAIGNS"),
        reason="minutes of kills and outages: CAMPAIGNS=1 make test PYTEST_ARGS=tests/live/test_chaos.py",
    ),
]


@pytest.mark.timeout(600)
def test_twenty_kills_under_ten_thousand_articles_lose_and_double_nothing(kafka: KafkaServer, tmp_path: Path) -> None:
    assert kafka.bootstrap_servers  # skipped where there is no Java or Maven; the campaign runs a Kafka of its own
    done = wirewatch(
        {"WIREWATCH_DATA_DIR": str(tmp_path), "KAFKA_BOOTSTRAP_SERVERS": ""},
        *("chaos", "--kafka", "local", "--seed", "20200106", "--json"),
    )
    report = json.loads(done)
    assert report["holds"], report
    assert report["kills"] == 20
    assert all(mib < 512 for mib in report["memory_mib"].values())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", ["redis", "broker"])
def test_a_server_away_under_load_is_waited_for_and_told_outside(
    kafka: KafkaServer, tmp_path: Path, server: str
) -> None:
    assert kafka.bootstrap_servers
    done = wirewatch(
        {"WIREWATCH_DATA_DIR": str(tmp_path), "KAFKA_BOOTSTRAP_SERVERS": ""},
        *("chaos", "--kafka", "local", "--articles", "3000", "--away", server, "--minutes", "0.3"),
        *("--seed", "20200106", "--json"),
    )
    report = json.loads(done)
    assert report["holds"], report
    assert all(mib < 512 for mib in report["memory_mib"].values())
