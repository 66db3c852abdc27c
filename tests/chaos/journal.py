"""The producer of the campaign: it writes down what the broker acknowledged, and sends again what it did not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.chaos.plan import Sending
from wirewatch.broker import Broker, Delivery, Producer
from wirewatch.errors import Transient
from wirewatch.records import Article
from wirewatch.topics import ARTICLES

_PAUSE_SECONDS = 0.2


@dataclass(slots=True)
class Journal:
    """Every acknowledged record by where it stands: the only thing that the verdict believes."""

    articles: dict[tuple[int, int], Article] = field(default_factory=dict)
    malformed: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.articles) + len(self.malformed)


class Load(threading.Thread):
    """Sends in small batches at a steady rate until all is acknowledged; ``failure`` holds what ended it otherwise."""

    def __init__(self, broker: Broker, sendings: Iterable[Sending], *, per_second: float, batch: int = 20) -> None:
        super().__init__(name="load", daemon=True)
        self.journal = Journal()
        self.failure: BaseException | None = None
        self._broker = broker
        self._sendings = sendings
        self._per_second = per_second
        self._batch = batch

    def run(self) -> None:
        producer = self._broker.producer()
        started, sent = time.monotonic(), 0
        batch: list[Sending] = []
        for sending in self._sendings:
            batch.append(sending)
            if len(batch) < self._batch:
                continue
            self._send(producer, batch)
            sent += len(batch)
            batch = []
            time.sleep(max(0.0, started + sent / self._per_second - time.monotonic()))
        self._send(producer, batch)
        producer.close()

    def _send(self, producer: Producer, batch: list[Sending]) -> None:
        """Until every record of the batch is acknowledged; what was written and not acknowledged is written again."""
        left = batch
        while left:
            deliveries: list[tuple[Sending, Delivery]] = []
            try:
                for sending in left:
                    deliveries.append((sending, producer.send(ARTICLES.name, sending.value, key=sending.key)))
                producer.flush()
            except Transient:
                time.sleep(_PAUSE_SECONDS)
            refused = [sending for sending, delivery in deliveries if not self._note(sending, delivery)]
            left = refused + left[len(deliveries) :]

    def _note(self, sending: Sending, delivery: Delivery) -> bool:
        try:
            place = delivery.position()
        except Transient:
            return False
        if sending.article is None:
            self.journal.malformed[place] = sending.value
        else:
            self.journal.articles[place] = sending.article
        return True
