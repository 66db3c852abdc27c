"""The main job over real Apache Kafka."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.live.conftest import KafkaServer
from tests.path_contract import Env, PathContract
from wirewatch.settings import Settings


@pytest.mark.live
class TestKafkaPath(PathContract):
    """Topics outlive a test, Redis does not: what an earlier test published is replayed into the new counters, where
    it must come to the same figures."""

    @pytest.fixture
    def env(self, tmp_path: Path, redis_url: str, kafka: KafkaServer) -> Env:
        return {
            "WIREWATCH_DATA_DIR": str(tmp_path),
            "REDIS_URL": redis_url,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS": "6000",
        }

    @pytest.fixture
    def settings(self, redis_url: str, kafka: KafkaServer) -> Settings:
        servers = {"redis_url": SecretStr(redis_url), "kafka_bootstrap_servers": kafka.bootstrap_servers}
        return kafka.settings.model_copy(update=servers)
