"""The embedded log keeps the broker contract."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.wirewatch.broker_contract import BrokerContract
from tests.wirewatch.broker_driving import UnderTest
from wirewatch.broker import Broker, TopicPartition
from wirewatch.sqlite_broker import SqliteBroker
from wirewatch.sqlite_log import SqliteLog, now_ms


class _Embedded:
    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "log.sqlite3"
        self.broker: Broker = SqliteBroker(self._path)
        self.environment: Mapping[str, str] = {"WIREWATCH_DATA_DIR": str(data_dir), "KAFKA_BOOTSTRAP_SERVERS": ""}

    def restart(self) -> None:
        self.broker = SqliteBroker(self._path)

    def forget(self, topic: str, partition: int, before: int) -> None:
        log = SqliteLog(self._path)
        # Retention goes by age, and a test has no hour to wait: the records that shall go are made old.
        start = log.partition_id(TopicPartition(topic, partition)) << 40
        with log.transaction() as connection:
            connection.execute("UPDATE partitions SET retention_ms = 3600000 WHERE topic = ?", (topic,))
            connection.execute(
                "UPDATE log SET timestamp_ms = 0 WHERE place >= ? AND place < ?", (start, start + before)
            )
        assert log.drop_expired(now_ms())
        log.close()


class TestSqliteBroker(BrokerContract):
    @pytest.fixture
    def under_test(self, tmp_path: Path) -> UnderTest:
        return _Embedded(tmp_path)
