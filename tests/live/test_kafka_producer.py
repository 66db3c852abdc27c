"""What the producer does when Kafka refuses records, or is away."""

from __future__ import annotations

import os
import threading
import uuid
from contextlib import closing

import pytest
from kafka import KafkaAdminClient

from tests.live.conftest import KafkaServer
from wirewatch.broker import Delivery, Producer, TopicSpec
from wirewatch.errors import BrokerUnavailable, Rejected, UserError
from wirewatch.kafka_broker import KafkaBroker

pytestmark = pytest.mark.live


@pytest.fixture
def broker(kafka: KafkaServer) -> KafkaBroker:
    return KafkaBroker(kafka.settings)


@pytest.fixture
def topic(broker: KafkaBroker) -> str:
    name = f"producer-{uuid.uuid4().hex}"
    with closing(broker.admin()) as admin:
        admin.create_topics([TopicSpec(name, 2, -1)])
    return name


@pytest.fixture
def narrow_topic(kafka: KafkaServer) -> str:
    """A topic whose broker refuses records that our client would let pass."""
    name = f"narrow-{uuid.uuid4().hex}"
    with closing(KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)) as admin:
        limits = {"max.message.bytes": "100000"}
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1, "configs": limits}})
        admin.wait_for_topics([name])
    return name


def values(broker: KafkaBroker, topic: str, partition: int) -> list[bytes]:
    with closing(broker.admin()) as admin:
        return [message.value for message in admin.read(topic, partition, 0, 10_000)]


def send_twenty_more(producer: Producer, topic: str, deliveries: list[Delivery]) -> None:
    for _ in range(20):
        deliveries.append(producer.send(topic, os.urandom(90_000)))
    producer.flush()


def test_nothing_sent_after_a_refused_record_is_written_before_the_loss_was_told(
    broker: KafkaBroker, narrow_topic: str
) -> None:
    with closing(broker.producer()) as producer:
        producer.send(narrow_topic, b"before")
        producer.flush()
        deliveries = [producer.send(narrow_topic, os.urandom(300_000))]
        # The refusal comes at any time: while these are still being sent, or when all are queued.
        with pytest.raises(BrokerUnavailable, match="did not acknowledge"):
            send_twenty_more(producer, narrow_topic, deliveries)
        producer.flush()
        for delivery in deliveries:
            with pytest.raises(BrokerUnavailable):
                delivery.position()
        assert values(broker, narrow_topic, 0) == [b"before"]
        producer.send(narrow_topic, b"after")
        producer.flush()
    assert values(broker, narrow_topic, 0) == [b"before", b"after"]


def test_every_thread_is_told_of_a_loss_once(broker: KafkaBroker, narrow_topic: str) -> None:
    told: list[str] = []
    sent, flushed = threading.Barrier(2), threading.Barrier(2)
    with closing(broker.producer()) as producer:

        def other() -> None:
            producer.send(narrow_topic, b"mine")
            sent.wait(30)
            flushed.wait(30)
            for _ in range(2):
                try:
                    producer.flush()
                    told.append("fine")
                except BrokerUnavailable:
                    told.append("lost")

        thread = threading.Thread(target=other)
        thread.start()
        sent.wait(30)
        producer.send(narrow_topic, os.urandom(300_000))
        with pytest.raises(BrokerUnavailable):
            producer.flush()
        producer.flush()
        flushed.wait(30)
        thread.join(30)
    assert told == ["lost", "fine"]


def test_a_record_over_the_size_limit_is_rejected_and_takes_no_other_with_it(broker: KafkaBroker, topic: str) -> None:
    with closing(broker.producer()) as producer:
        producer.send(topic, b"fine", partition=0)
        with pytest.raises(Rejected, match="record-too-large"):
            producer.send(topic, b"x" * 1_100_000, partition=0)
        producer.flush()
    assert values(broker, topic, 0) == [b"fine"]


def test_a_partition_that_does_not_exist_is_a_user_error(broker: KafkaBroker, topic: str) -> None:
    with closing(broker.producer()) as producer, pytest.raises(UserError, match=f"no partition 9 of topic {topic}"):
        producer.send(topic, b"x", partition=9)


def test_the_order_of_first_occurrences_survives_a_crash_of_the_broker(
    kafka: KafkaServer, broker: KafkaBroker, topic: str
) -> None:
    if kafka.local is None:
        pytest.skip("the servers of KAFKA_BOOTSTRAP_SERVERS are not ours to kill; without it, our own are")
    wanted = [b"%d" % n for n in range(300)]
    with closing(broker.producer()) as producer:
        for value in wanted[:100]:
            producer.send(topic, value, partition=1)
        producer.flush()
        kafka.local.kill()
        for value in wanted[100:200]:
            producer.send(topic, value, partition=1)
        with pytest.raises(BrokerUnavailable):
            producer.flush(1.0)
        with pytest.raises(BrokerUnavailable):
            producer.send(topic, wanted[100], partition=1)
        kafka.local.start()
        for value in wanted[100:]:
            producer.send(topic, value, partition=1)
        producer.flush()
    written = values(broker, topic, 1)
    assert list(dict.fromkeys(written)) == wanted
