"""Real Apache Kafka keeps the broker contract."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from kafka import KafkaAdminClient
from kafka.structs import TopicPartition as KafkaPartition

from tests.live.conftest import KafkaServer
from tests.wirewatch.broker_contract import BrokerContract
from tests.wirewatch.broker_driving import UnderTest
from wirewatch.broker import Broker
from wirewatch.kafka_broker import KafkaBroker

pytestmark = pytest.mark.live


class _Kafka:
    def __init__(self, server: KafkaServer) -> None:
        self._server = server
        self.broker: Broker = KafkaBroker(server.settings)
        self.environment: Mapping[str, str] = {
            "KAFKA_BOOTSTRAP_SERVERS": server.bootstrap_servers,
            "WIREWATCH_KAFKA_SESSION_TIMEOUT_MS": str(server.settings.kafka_session_timeout_ms),
        }

    def restart(self) -> None:
        if self._server.local is None:
            pytest.skip("the servers of KAFKA_BOOTSTRAP_SERVERS are not ours to kill; without it, our own are")
        self._server.local.kill()
        self._server.local.start()
        assert self._server.local.bootstrap_servers == self._server.bootstrap_servers

    def forget(self, topic: str, partition: int, before: int) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self._server.bootstrap_servers)
        admin.delete_records({KafkaPartition(topic, partition): before})
        admin.close()


class TestKafkaBroker(BrokerContract):
    @pytest.fixture
    def under_test(self, kafka: KafkaServer) -> UnderTest:
        return _Kafka(kafka)
