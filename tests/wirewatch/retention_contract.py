"""What left the log unread is a loud loss, never a silent gap: a part of the broker contract."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import closing

import pytest

from tests.wirewatch.broker_driving import EmptyStore, UnderTest, publish, read_for_ever, read_messages, until
from wirewatch import runner
from wirewatch.broker import Broker, TopicPartition
from wirewatch.errors import RetentionLoss
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.stage import Context, Sink
from wirewatch.topics import Topic


class RetentionContract:
    """Needs the fixtures of BrokerContract."""

    def test_records_that_expired_unread_are_a_loud_error(
        self, under_test: UnderTest, broker: Broker, topic: str
    ) -> None:
        publish(broker, topic, [b"x"] * 20, partition=0)
        with closing(broker.consumer(topic, [topic])) as consumer:
            read_messages(consumer, 20)
            consumer.commit({TopicPartition(topic, 0): 5})
        under_test.forget(topic, 0, 10)

        def stored(partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            return dict.fromkeys(partitions, 0)

        for positions in (None, stored):
            with pytest.raises(RetentionLoss, match=rf"{topic}/0.*begins at 10"):
                read_for_ever(broker, topic, positions)

    def test_a_position_behind_the_end_of_the_log_is_a_loud_error(self, broker: Broker, topic: str) -> None:
        publish(broker, topic, [b"x"] * 5, partition=0)

        def stored_for_another_log(partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            return {TopicPartition(topic, 0): 6}

        with pytest.raises(RetentionLoss, match=rf"{topic}/0.*stands at 6.*ends at 5.*another log"):
            read_for_ever(broker, topic, stored_for_another_log)

    def test_a_sink_whose_store_was_wiped_stops_loudly_where_the_log_begins_later(
        self, under_test: UnderTest, broker: Broker, topic: str
    ) -> None:
        publish(broker, topic, [b"x"] * 20, partition=0)
        under_test.forget(topic, 0, 10)
        stage: Sink[bytes] = Sink(name=topic, summary="", reads=(Topic(topic, bytes, ""),), open=lambda _: EmptyStore())
        with pytest.raises(RetentionLoss, match=rf"{topic}/0.*stands at 0.*begins at 10"):
            runner.run(stage, broker, Context(settings=Settings(), metrics=Metrics()), threading.Event())

    def test_records_that_expire_while_they_are_waited_for_are_a_loud_error(
        self, under_test: UnderTest, broker: Broker, topic: str
    ) -> None:
        publish(broker, topic, [b"x"] * 20, partition=0)
        with closing(broker.consumer(topic, [topic])) as consumer:
            read_messages(consumer, 20)
            under_test.forget(topic, 0, 10)
            consumer.seek(TopicPartition(topic, 0), 4)
            with pytest.raises(RetentionLoss):
                until(lambda: False, lambda: consumer.poll(0.2, 10))
