"""Topics and positions of a Kafka cluster, outside any group."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, errors
from kafka.admin import OffsetSpec
from kafka.structs import TopicPartition as KafkaPartition
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from wirewatch.broker import Message, TopicSpec
from wirewatch.errors import BrokerUnavailable, UserError
from wirewatch.kafka_broker.connection import Connection, no_topic
from wirewatch.kafka_broker.consumer import READ_OPTIONS, message

_ANSWER_SECONDS_MAX = 15.0
_READ_SECONDS_MAX = 30.0
_READ_SLICE_MS = 250
_REPLICATION_SAFE = 3


class KafkaAdmin:
    """See broker.Admin."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client: Any = connection.open(KafkaAdminClient)
        self._reader: Any = None

    def create_topics(self, specs: Iterable[TopicSpec]) -> list[str]:
        """See broker.Admin. A partition's records carry the time at which the broker took them."""
        wanted = list(specs)
        missing = []
        for spec in wanted:
            existing = self.partitions(spec.name)
            if existing == 0:
                missing.append(spec)
            elif existing != spec.partitions:
                raise UserError(
                    f"topic {spec.name} has {existing} partitions, not {spec.partitions}: "
                    f"set WIREWATCH_PARTITIONS={existing}, or use another cluster"
                )
        return self._create(missing) if missing else []

    def partitions(self, topic: str) -> int:
        (described,) = self._asked(lambda: self._client.describe_topics([topic]))
        error = errors.for_code(described["error_code"])
        if error is errors.UnknownTopicOrPartitionError:
            return 0
        with self._connection.answering():
            if error is not errors.NoError:
                raise error(topic)
        return len(described["partitions"])

    def offsets(self, topic: str) -> Mapping[int, tuple[int, int]]:
        places = [KafkaPartition(topic, partition) for partition in range(self.partitions(topic))]
        if not places:
            return {}
        first, end = OffsetSpec.EARLIEST, OffsetSpec.LATEST
        firsts = self._asked(lambda: self._client.list_partition_offsets(dict.fromkeys(places, first)))
        ends = self._asked(lambda: self._client.list_partition_offsets(dict.fromkeys(places, end)))
        return {place.partition: (firsts[place].offset, ends[place].offset) for place in places}

    def committed(self, group: str, topic: str) -> Mapping[int, int]:
        places = [KafkaPartition(topic, partition) for partition in range(self.partitions(topic))]
        if not places:
            return {}
        stored = self._asked(lambda: self._client.list_group_offsets({group: places}))[group]
        return {place.partition: found.offset for place, found in stored.items() if found.offset >= 0}

    def read(self, topic: str, partition: int, start: int, messages_max: int) -> Sequence[Message]:
        """See broker.Admin. Raises UserError when there is no such partition."""
        held = self.offsets(topic)
        if not held:
            raise no_topic(topic)
        if partition not in held:
            raise UserError(f"there is no partition {partition} of topic {topic}")
        first, end = held[partition]
        position = max(start, first)
        found: list[Message] = []
        if position >= end:
            return found
        with self._connection.answering():
            self._seek(KafkaPartition(topic, partition), position)
            deadline = time.monotonic() + _READ_SECONDS_MAX
            while len(found) < messages_max and position < end:
                for batch in self._reader.poll(_READ_SLICE_MS, max_records=messages_max - len(found)).values():
                    found.extend(message(record) for record in batch)
                    position = found[-1].offset + 1
                if time.monotonic() > deadline:
                    raise BrokerUnavailable(f"{self._connection.name} did not give {topic}/{partition} in time")
        return found

    def close(self) -> None:
        with suppress(errors.KafkaError):
            if self._reader is not None:
                self._reader.close(autocommit=False)
            self._client.close()

    def _asked(self, call: Callable[[], Any]) -> Any:
        """The answer. The admin client repeats nothing by itself, and a young cluster says "not yet" to the first
        question about a group."""
        with self._connection.answering():
            return Retrying(
                retry=retry_if_exception_type(errors.RetriableError),
                stop=stop_after_delay(_ANSWER_SECONDS_MAX),
                wait=wait_random(0.05, 0.3),
                reraise=True,
            )(call)

    def _create(self, specs: Sequence[TopicSpec]) -> list[str]:
        with self._connection.answering():
            try:
                answer = self._client.create_topics({s.name: _topic(s) for s in specs}, raise_errors=False)
                created = [topic["name"] for topic in answer["topics"] if _was_created(topic)]
                self._client.wait_for_topics([spec.name for spec in specs])
            except errors.InvalidReplicationFactorError as error:
                raise UserError(
                    f"{self._connection.name} has too few brokers for WIREWATCH_REPLICATION={specs[0].replication}"
                ) from error
        return created

    def _seek(self, place: KafkaPartition, offset: int) -> None:
        if self._reader is None:
            self._reader = self._connection.open(KafkaConsumer, group_id=None, **READ_OPTIONS)
        self._reader.assign([place])
        self._reader.seek(place, offset)


def _topic(spec: TopicSpec) -> dict[str, Any]:
    return {
        "num_partitions": spec.partitions,
        "replication_factor": spec.replication,
        "configs": {
            "cleanup.policy": "delete",
            "retention.ms": str(spec.retention_ms),
            "message.timestamp.type": "LogAppendTime",
            # With three copies one may be away and every acknowledged record still stands twice.
            "min.insync.replicas": "2" if spec.replication >= _REPLICATION_SAFE else "1",
        },
    }


def _was_created(topic: Mapping[str, Any]) -> bool:
    """False where another process was quicker. Raises Kafka's error for any other refusal."""
    error = errors.for_code(topic["error_code"])
    if error is errors.TopicAlreadyExistsError:
        return False
    if error is not errors.NoError:
        raise error(topic["error_message"])
    return True
