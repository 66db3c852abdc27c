"""Writes to Kafka: idempotent, acknowledged by all in-sync replicas, with bounded memory and no silent failure."""

from __future__ import annotations

import threading
from typing import Any

from kafka import KafkaProducer, errors

from wirewatch.broker import Delivery, Headers
from wirewatch.errors import BrokerUnavailable, Rejected, UserError
from wirewatch.kafka_broker.admin import KafkaAdmin
from wirewatch.kafka_broker.connection import Connection, no_topic

UNACKNOWLEDGED_BYTES_MAX = 32 << 20
"""kafka-python itself queues without limit."""

_OPTIONS: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "compression_type": "lz4",
    "linger_ms": 5,
    "batch_size": 131_072,
    "max_request_size": 1_048_576,
    "request_timeout_ms": 15_000,
    # No record is given up while its successors may still be written: flush decides, and drops all that is queued.
    "delivery_timeout_ms": 86_400_000,
    # How long a send waits for a topic's partitions; in truth only when there is no such topic, or no broker.
    "max_block_ms": 5_000,
    "allow_auto_create_topics": False,
    "metrics_enabled": False,
}
_RECORD_BYTES = 100  # what a queued record costs besides its key and value, about
_QUEUE_SECONDS_MAX = 30.0
_CLOSE_SECONDS_MAX = 3.0


class _Delivery:
    __slots__ = ("_future",)

    def __init__(self, future: Any) -> None:
        self._future = future

    def position(self) -> tuple[int, int]:
        if not self._future.is_done:
            raise BrokerUnavailable("the record was not flushed")
        if self._future.failed():
            raise BrokerUnavailable(f"the record was not acknowledged: {self._future.exception}")
        metadata = self._future.value
        return metadata.partition, metadata.offset


class KafkaRecordProducer:
    """See broker.Producer. One failure drops the whole client and all it has queued, and the next send opens another.

    So nothing queued behind a lost record is written before that record is sent again: in each partition the first
    occurrences keep the order in which they were sent, which the gap detection downstream rests on. Every thread that
    sent or flushed before the failure is told at its next call, be it a send: were that to go out by the new client,
    it would overtake what was lost.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._opening = threading.Lock()
        self._state = threading.Condition()
        self._client: Any = None
        self._dropped: Any = None
        self._failures = 0
        self._failure: Exception | None = None
        self._queued_bytes = 0
        self._thread = threading.local()

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Delivery:
        """See broker.Producer. Raises UserError for an unknown topic or partition, Rejected for a record that is too
        large, BrokerUnavailable when there is no broker or no room for half a minute."""
        client = self._opened()
        if not hasattr(self._thread, "failures_seen"):
            self._thread.failures_seen = self._failures
        self._tell()  # after the client is chosen: one that is lost from now on refuses the record itself
        size = len(value) + len(key or b"") + _RECORD_BYTES
        self._reserve(size)
        try:
            future = client.send(topic, value=value, key=key, headers=list(headers), partition=partition)
        except (errors.KafkaError, ValueError) as error:
            self._release(size)
            raise self._explained(error, topic, partition) from error
        future.add_callback(lambda _: self._release(size))
        future.add_errback(lambda error: self._lost(client, error, size))
        return _Delivery(future)

    def flush(self, timeout_seconds: float = 30.0) -> None:
        """See broker.Producer. ``timeout_seconds`` is the longest silence of the broker that is borne."""
        client = self._client
        if client is not None:
            try:
                client.flush(timeout_seconds)
            except errors.KafkaError as error:
                self._drop(client, error)
        self._tell()

    def close(self) -> None:
        """Give what is queued three seconds, then drop it: only ``flush`` promises."""
        client = self._client
        if client is not None:
            try:
                client.flush(_CLOSE_SECONDS_MAX)
            except errors.KafkaError as error:
                self._drop(client, error)
            else:
                with self._state:
                    self._client = None
                client.close(timeout=_CLOSE_SECONDS_MAX)
        self._bury_dropped()

    def _opened(self) -> Any:
        client = self._client
        if client is not None:
            return client
        with self._opening:
            if self._client is None:
                if not self._bury_dropped():
                    raise BrokerUnavailable(f"the last connection to {self._connection.name} does not end")
                self._client = self._connection.open(KafkaProducer, **_OPTIONS)
            return self._client

    def _tell(self) -> None:
        """Raise, once, when records were lost since this thread was last told; all it has not flushed may be."""
        with self._state:
            told = getattr(self._thread, "failures_seen", 0)
            self._thread.failures_seen = self._failures
            failure = self._failure
        if failure is not None and told != self._thread.failures_seen:
            unacknowledged = BrokerUnavailable(f"{self._connection.name} did not acknowledge: {failure}")
            raise self._connection.refusal(failure) or unacknowledged from failure

    def _reserve(self, size: int) -> None:
        with self._state:
            fits = self._state.wait_for(
                lambda: not self._queued_bytes or self._queued_bytes + size <= UNACKNOWLEDGED_BYTES_MAX,
                _QUEUE_SECONDS_MAX,
            )
            if not fits:
                raise BrokerUnavailable(f"{self._connection.name} has acknowledged nothing for half a minute")
            self._queued_bytes += size

    def _release(self, size: int) -> None:
        with self._state:
            self._queued_bytes -= size
            self._state.notify_all()

    def _lost(self, client: Any, error: Exception, size: int) -> None:
        self._drop(client, error)
        self._release(size)

    def _drop(self, client: Any, error: Exception) -> None:
        """From now on nothing queued in ``client`` is written. Called on its own thread when a record fails, which is
        before the next batch of that partition goes out: an idempotent client has one under way per partition."""
        with self._state:
            if self._client is not client:
                return
            self._client = None
            self._dropped = client
            self._failures += 1
            self._failure = error
        # close() flushes first, and when that times out it leaves the thread running (3.0.12).
        client._sender.force_close()  # noqa: SLF001

    def _bury_dropped(self) -> bool:
        """Wait for the end of a dropped client; False when it does not come."""
        dropped = self._dropped
        if dropped is None:
            return True
        sender = dropped._sender  # noqa: SLF001 - as above
        sender.join(_CLOSE_SECONDS_MAX)
        if sender.is_alive():
            return False
        dropped.close(timeout=0)
        self._dropped = None
        return True

    def _explained(self, error: Exception, topic: str, partition: int | None) -> Exception:
        if isinstance(error, errors.MessageSizeTooLargeError):
            return Rejected("record-too-large", f"a record for {topic} is over {_OPTIONS['max_request_size']} bytes")
        if refusal := self._connection.refusal(error):
            return refusal
        if isinstance(error, ValueError):
            return UserError(f"there is no partition {partition} of topic {topic}")
        if isinstance(error, errors.KafkaTimeoutError):
            admin = KafkaAdmin(self._connection)
            try:
                if not admin.partitions(topic):
                    return no_topic(topic)
            finally:
                admin.close()
        return BrokerUnavailable(f"{self._connection.name} took no record for {topic}: {error}")
