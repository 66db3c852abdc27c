"""The main job over real Apache Kafka."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.live.conftest import KafkaServer
from tests.path_contract import Env, PathContract, lines, pipelines, wirewatch
from tests.redis_server import one_kind
from tests.wirewatch.cli.test_up import environment, next_alert, up
from wirewatch.local.ports import free_ports
from wirewatch.settings import Settings


@pytest.mark.live
@pytest.mark.parametrize("redis_server", one_kind("redis"), indirect=True)  # with Valkey: tests/test_path.py
class TestKafkaPath(PathContract):
    """Topics outlive a test, Redis does not: what an earlier test published is replayed into the new counters, where
    it must come to the same figures."""

    @pytest.fixture
    def env(self, tmp_path: Path, redis_url: str, kafka: KafkaServer) -> Env:
        return {
            "WIREWATCH_DATA_DIR": str(tmp_path),
            "REDIS_URL": redis_url,
            "WIREWATCH_MODELS_DIR": str(pipelines(tmp_path / "models")),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS": "6000",
        }

    @pytest.fixture
    def settings(self, redis_url: str, kafka: KafkaServer) -> Settings:
        servers = {"redis_url": SecretStr(redis_url), "kafka_bootstrap_servers": kafka.bootstrap_servers}
        return kafka.settings.model_copy(update=servers)


@pytest.mark.live
def test_commands_in_another_terminal_find_the_kafka_that_up_runs(tmp_path: Path, kafka: KafkaServer) -> None:
    assert kafka.bootstrap_servers  # where there is no Java or Maven, this is skipped with the others
    (port,) = free_ports(1)
    env = environment(tmp_path, WIREWATCH_HTTP_PORT=str(port), KAFKA_BOOTSTRAP_SERVERS="", REDIS_URL="")
    with up(env, "--kafka", "local"):
        article = tmp_path / "article.txt"
        article.write_text("NATO meets\n\nThe allies of NATO meet.")
        wirewatch(env, "publish", str(article))
        assert next_alert(f"http://127.0.0.1:{port}")["title"] == "NATO meets"
        assert {
            row["held"] for row in lines(wirewatch(env, "topics", "list", "--json")) if row["topic"] == "alerts.v1"
        } == {1}
