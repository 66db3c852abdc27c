"""Joining a group on real Kafka, where the client's own way of doing it fails."""

from __future__ import annotations

import uuid
from contextlib import closing

import pytest

from tests.live.conftest import KafkaServer
from tests.wirewatch.broker_driving import read_messages, until
from wirewatch.broker import TopicSpec
from wirewatch.kafka_broker import KafkaBroker
from wirewatch.kafka_broker.consumer import KafkaGroupConsumer

pytestmark = pytest.mark.live


def test_a_join_that_began_because_the_topics_seemed_changed_is_finished(kafka: KafkaServer) -> None:
    broker, name = KafkaBroker(kafka.settings), f"joining-{uuid.uuid4().hex}"
    with closing(broker.admin()) as admin:
        admin.create_topics([TopicSpec(name, 3, -1)])
    with closing(broker.consumer(name, [name])) as consumer, closing(broker.producer()) as producer:
        assert isinstance(consumer, KafkaGroupConsumer)
        until(lambda: len(consumer.assignment()) == 3, lambda: consumer.poll(0.05, 10))
        coordinator = consumer._client._coordinator
        # What two metadata answers that cross do: the topics look changed for one poll, and then not any more.
        known, coordinator._assignment_snapshot = coordinator._assignment_snapshot, {name: {0}}
        consumer._client.poll(timeout_ms=0)
        coordinator._assignment_snapshot = known
        assert not consumer.assignment()
        until(lambda: len(consumer.assignment()) == 3, lambda: consumer.poll(0.05, 10))
        producer.send(name, b"read", partition=1)
        producer.flush()
        assert len(read_messages(consumer, 1)) == 1
