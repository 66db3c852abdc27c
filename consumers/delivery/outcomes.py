"""Metrics of one receiver, by the sender that holds its lease."""

from __future__ import annotations

from datetime import datetime

from consumers.delivery.attempts import Attempt
from consumers.delivery.breaker import BREAKER_STATES
from consumers.delivery.queue import Item
from consumers.delivery.standing import Standing
from wirewatch.metrics import Metrics


class Observer:
    """Turns attempts and looks into metrics."""

    def __init__(self, metrics: Metrics, receiver: str) -> None:
        self._metrics = metrics
        self._label = metrics.bounded("receiver", receiver)
        self._shown = False

    def attempted(self, item: Item, attempt: Attempt, now: datetime) -> None:
        """An attempt has been written down."""
        metrics, label = self._metrics, self._label
        metrics.delivery_attempts.labels(label, attempt.outcome).inc()
        if attempt.next == "given-up":
            metrics.given_up.labels(label).inc()
        if attempt.next != "delivered":
            return
        metrics.delivered.labels(label).inc()
        if item.notification.reason == "first":
            for alert in item.notification.alerts:
                metrics.raised_to_delivered.labels(label).observe(max(0.0, (now - alert.raised).total_seconds()))

    def observed(self, length: int, oldest: datetime | None, standing: Standing, now: datetime) -> None:
        """The queue and the standing have been looked at."""
        metrics, label = self._metrics, self._label
        metrics.delivery_queue.labels(label).set(length)
        metrics.delivery_oldest.labels(label).set(oldest.timestamp() if oldest else 0)
        metrics.delivery_breaker.labels(label).set(BREAKER_STATES.index(standing.breaker.state(now)))
        metrics.delivery_disabled.labels(label).set(standing.disabled is not None)
        self._shown = True

    def forget(self) -> None:
        """Another process sends now, and shows this. Repeating is safe."""
        if self._shown:
            self._shown = False
            metrics = self._metrics
            for gauge in (
                metrics.delivery_queue,
                metrics.delivery_oldest,
                metrics.delivery_breaker,
                metrics.delivery_disabled,
            ):
                gauge.remove(self._label)
