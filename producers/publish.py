"""Accepted articles to their topic, rejected input to the dead letters, and nothing done before the broker says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread

from producers.accept import Item
from wirewatch import dead_letters
from wirewatch.broker import Delivery, Producer
from wirewatch.errors import BrokerUnavailable, Rejected
from wirewatch.metrics import Metrics
from wirewatch.topics import ARTICLES

BATCH_ITEMS_MAX = 500
BATCH_BYTES_MAX = 8 << 20
"""Of input: a batch ends with the item that goes over it."""
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Tally:
    """How many articles and rejections the broker acknowledged."""

    published: int = 0
    rejected: int = 0


def publish(
    items: Iterable[Item],
    producer: Producer,
    *,
    stage: str,
    metrics: Metrics,
    on_batch: Callable[[Sequence[Item]], None] | None = None,
    live: bool = False,
) -> Tally:
    """Send everything, in batches; returns when the broker has acknowledged all of it.

    ``live``: items come as they happen (a pipe), so what has come is sent when nothing follows at once; they are then
    read on a thread of their own. ``on_batch`` is called with each batch once it is safe.
    Raises BrokerUnavailable: what went before that batch is safe, and sending all of it again is too, as ids make the
    repeats known.
    """
    tally = Tally()
    for batch in _batches(_as_they_come(items)) if live else _batches(items):
        confirm(producer, [send(item, producer, stage=stage) for item in batch])
        rejected = count(batch, stage=stage, metrics=metrics)
        tally = Tally(tally.published + len(batch) - rejected, tally.rejected + rejected)
        if on_batch:
            on_batch(batch)
    return tally


def send(item: Item, producer: Producer, *, stage: str) -> Delivery:
    """Queue one item for the topic that it belongs on. ``stage`` says in a dead letter who rejected it."""
    if isinstance(item.outcome, Rejected):
        return dead_letters.send(
            producer,
            value=item.original,
            reason=item.outcome.reason,
            detail=item.outcome.detail,
            stage=stage,
            origin=item.origin,
            exception=item.outcome.__cause__,
        )
    return producer.send(ARTICLES.name, ARTICLES.encode(item.outcome), key=item.outcome.id.encode())


def confirm(producer: Producer, deliveries: Iterable[Delivery]) -> None:
    """Wait until every one of ``deliveries`` is durable. Raises BrokerUnavailable where one is not."""
    # Threads share a producer: what flush could not deliver may be another's, so only our own deliveries count.
    with suppress(BrokerUnavailable):
        producer.flush()
    for delivery in deliveries:
        delivery.position()


def count(batch: Iterable[Item], *, stage: str, metrics: Metrics) -> int:
    """Put acknowledged items into the metrics; returns how many of them were rejections."""
    rejections = 0
    for item in batch:
        if isinstance(item.outcome, Rejected):
            rejections += 1
            metrics.rejected.labels(stage, item.outcome.reason).inc()
            metrics.dead_letters.labels(item.outcome.reason).inc()
        else:
            metrics.published.labels(stage).inc()
    return rejections


def _batches(items: Iterable[Item | None]) -> Iterator[list[Item]]:
    """Full batches; a smaller one where there is a None, which stands for a pause."""
    batch: list[Item] = []
    size = 0
    for item in items:
        if item is not None:
            batch.append(item)
            size += len(item.original)
        if batch and (item is None or len(batch) >= BATCH_ITEMS_MAX or size >= BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _as_they_come(items: Iterable[Item]) -> Iterator[Item | None]:
    """``items``, with a None wherever the next one lets itself be waited for."""
    queue: Queue[Item | BaseException] = Queue(maxsize=BATCH_ITEMS_MAX)
    finished = _Finished()

    def read() -> None:
        try:
            for item in items:
                queue.put(item)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            queue.put(error)
        else:
            queue.put(finished)

    Thread(target=read, daemon=True, name="reading").start()
    while True:
        try:
            found = queue.get(timeout=_PAUSE_SECONDS)
        except Empty:
            yield None
            found = queue.get()
        if found is finished:
            return
        if isinstance(found, BaseException):
            raise found
        yield found


class _Finished(Exception):
    """Nothing follows."""
