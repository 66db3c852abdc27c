"""The one loop that drives every stage: poll, decode, apply, dead-letter, flush, commit, observe, stop.

Order is the guarantee. Dead letters are acknowledged before the record that stands for them; outputs are acknowledged
before the commit; so a process that dies at any point repeats work and never loses it. Repeats are recognised
downstream by source offset (Transform) or refused by the store's own position (Sink).
A server that is away is waited for, for ever, with capped and jittered pauses; nothing is dead-lettered for that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_when_event_set, wait_random_exponential

from wirewatch.broker import Broker, Consumer, TopicPartition
from wirewatch.errors import Rebalanced, Transient
from wirewatch.stage import Context, Service, Stage
from wirewatch.workers import Worker, open_worker

_PAUSE_SECONDS_MAX = 15.0
_OBSERVE_SECONDS = 2.0
_BUSY_SECONDS = 0.05

log = structlog.get_logger(__name__)


class Stopped(Exception):
    """The stop event was set while a server was being waited for; the batch stays uncommitted."""


def run(
    stage: Stage,
    broker: Broker,
    context: Context,
    stop: threading.Event,
    turned: Callable[[], None] = lambda: None,
) -> None:
    """Run ``stage`` as one member of its group until ``stop`` is set, then give its partitions up.

    ``turned`` is called at every turn of the loop, and at every try to reach a server that is away.

    Raises RetentionLoss when unread records have expired, TooManyFaults (see fault_limit.py), and whatever fault of
    ours ends the process; all leave the batch uncommitted. But for TooManyFaults, a supervisor may simply start the
    process again.
    """
    loop = _Loop(stage.name, context, stop, turned)
    worker: Worker | None = None
    try:
        if isinstance(stage, Service):
            context.metrics.state.state("running")
            loop.patiently(lambda: stage.run(context, stop, turned))
            return
        worker = loop.patiently(lambda: open_worker(stage, broker, context, loop))
        context.metrics.state.state("running")
        while not stop.is_set():
            loop.turn(worker)
        worker.finish()
    except Stopped:
        log.info("stopped while a server was away", stage=stage.name)
    finally:
        context.metrics.state.state("stopped")
        if worker is not None:
            worker.close()


class _Loop:
    """One turn of the loop, the waiting for servers, and what the loop shows of itself."""

    def __init__(self, name: str, context: Context, stop: threading.Event, turned: Callable[[], None]) -> None:
        self.outages = 0
        self._turned = turned
        self._name = name
        self._settings = context.settings
        self._metrics = context.metrics
        self._stop = stop
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._newest_ms: dict[TopicPartition, int] = {}
        self._observe_due = 0.0

    def turn(self, worker: Worker) -> None:
        wait = min(_BUSY_SECONDS, self._settings.poll_seconds) if worker.busy else self._settings.poll_seconds
        batch = self.patiently(lambda: worker.consumer.poll(wait, self._settings.batch_messages_max))
        self._metrics.last_poll.set_to_current_time()
        if batch:
            started = time.perf_counter()
            worker.process(batch)
            self._metrics.stage_duration.labels(self._name).observe(time.perf_counter() - started)
            self._metrics.batch_size.observe(sum(map(len, batch.values())))
            for where, messages in batch.items():
                self._metrics.consumed.labels(where.topic).inc(len(messages))
                self._newest_ms[where] = messages[-1].timestamp_ms
        worker.tend()
        if time.monotonic() >= self._observe_due:
            self._observe(worker.consumer)

    def patiently(self, call: Callable[[], Any]) -> Any:
        """The result of ``call``, tried until the server answers. Raises Stopped when we are told to stop."""

        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            pause = round(state.next_action.sleep, 1) if state.next_action else 0
            log.warning("waiting for a server", stage=self._name, error=str(error), seconds=pause)
            self._metrics.stage_failures.labels(self._name, type(error).__name__).inc()
            self._metrics.state.state("waiting")

        retrying = Retrying(
            retry=retry_if_exception_type(Transient),
            wait=wait_random_exponential(multiplier=0.2, max=_PAUSE_SECONDS_MAX),
            sleep=self._wait,
            stop=stop_when_event_set(self._stop),
            before_sleep=note,
            retry_error_callback=_stopped,
        )
        result = retrying(self._trying, call)
        if retrying.statistics["attempt_number"] > 1:
            self.outages += 1
            self._metrics.state.state("running")
        return result

    def _trying(self, call: Callable[[], Any]) -> Any:
        self._turned()
        return call()

    def _wait(self, seconds: float) -> None:
        """Until the time is over or we are told to stop. Waiting is progress of its own kind: the watchdog is told."""
        due = time.monotonic() + seconds
        while (left := due - time.monotonic()) > 0 and not self._stop.wait(min(left, self._settings.stall_seconds / 5)):
            self._turned()

    def commit(self, consumer: Consumer, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit; a refusal is no fault: the new owner reads again what we did, and repeats are recognised."""
        try:
            self.patiently(lambda: consumer.commit(offsets))
        except Rebalanced as moved:
            self._metrics.commit_failures.inc()
            log.info("the group has changed", stage=self._name, why=str(moved))

    def _observe(self, consumer: Consumer) -> None:
        assigned = consumer.assignment()
        for event, changed in (("assigned", assigned - self._assigned), ("revoked", self._assigned - assigned)):
            if changed:
                self._metrics.rebalances.labels(event).inc()
                log.info(f"partitions {event}", stage=self._name, partitions=len(changed))
        for where in self._assigned - assigned:
            self._metrics.lag.remove(where.topic, str(where.partition))
            self._metrics.lag_seconds.remove(where.topic, str(where.partition))
            self._newest_ms.pop(where, None)
        self._assigned = assigned
        for where, behind in self.patiently(consumer.lag).items():
            self._metrics.lag.labels(where.topic, str(where.partition)).set(behind)
            newest_ms = self._newest_ms.get(where) if behind else None
            age = time.time() - newest_ms / 1000 if newest_ms else 0.0
            self._metrics.lag_seconds.labels(where.topic, str(where.partition)).set(max(0.0, age))
        self._observe_due = time.monotonic() + _OBSERVE_SECONDS


def _stopped(state: RetryCallState) -> None:
    raise Stopped from state.outcome.exception() if state.outcome else None
