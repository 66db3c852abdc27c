"""Apache Kafka behind the broker seam: the only place that imports kafka-python.

What is done about that client's habits, and why, stands beside the code that does it; the list is in DECISIONS.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from wirewatch.broker import Positions
from wirewatch.kafka_broker.admin import KafkaAdmin
from wirewatch.kafka_broker.connection import Connection
from wirewatch.kafka_broker.consumer import KafkaGroupConsumer
from wirewatch.kafka_broker.producer import KafkaRecordProducer
from wirewatch.settings import Settings


class KafkaBroker:
    """Opens clients of the cluster that the settings name. Raises UserError when the settings cannot work."""

    def __init__(self, settings: Settings) -> None:
        self._connection = Connection.of(settings)
        self._session_timeout_ms = settings.kafka_session_timeout_ms
        self.name = self._connection.name

    def producer(self) -> KafkaRecordProducer:
        """Connects at the first ``send``."""
        return KafkaRecordProducer(self._connection)

    def consumer(self, group: str, topics: Sequence[str], positions: Positions | None = None) -> KafkaGroupConsumer:
        """Connects now. Raises UserError when a topic does not exist, BrokerUnavailable when nobody answers."""
        return KafkaGroupConsumer(self._connection, group, topics, positions, self._session_timeout_ms)

    def admin(self) -> KafkaAdmin:
        """Connects now. Raises BrokerUnavailable when nobody answers."""
        return KafkaAdmin(self._connection)


__all__ = ["KafkaBroker"]
