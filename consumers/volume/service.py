"""The service ``volume``: evaluates the volume rules over the counters, and raises their alerts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from consumers import watchlist_file
from consumers.keys import Keys
from consumers.reading import applied
from consumers.rules_in_use import RulesInUse
from consumers.volume.counting import Counting
from consumers.volume.desk import Desk
from consumers.volume.evaluation import Outcome, evaluate
from consumers.volume.model import VolumeRule
from wirewatch.errors import StoreUnavailable
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, address, connect
from wirewatch.settings import Settings
from wirewatch.stage import Context, Service

_LEASE_TURNS = 3
"""A process that misses so many turns is replaced by one that stands by."""
_LOOK_SECONDS = 0.5
_BEHIND_MAX = timedelta(hours=6)

log = structlog.get_logger(__name__)


class Evaluator:
    """Evaluates the rules again and again. Not safe to share between threads."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        metrics: Metrics,
        rules: Callable[[], Sequence[VolumeRule]],
        turned: Callable[[], None] = lambda: None,
    ) -> None:
        keys = Keys(settings.redis_prefix)
        self.desk = Desk(client, keys, _LEASE_TURNS * settings.volume_seconds)
        self._counting = Counting(client, keys, settings.partitions, turned)
        self._client, self._keys, self._partitions = client, keys, settings.partitions
        self._metrics = metrics
        self._rules = rules
        self._names = {actor.id: actor.name for actor in watchlist_file.of_settings(settings).actors}

    def turn(self, now: datetime) -> Outcome | None:
        """One evaluation, written down; None where another process holds the lease, nothing was counted yet, or the
        counters are counted again. Raises StoreUnavailable; repeating is safe."""
        held = self.desk.hold()
        self._metrics.volume_holder.set(held)
        if not held:
            return None
        records = applied(self._client, self._keys, self._partitions)
        if behind(records, self.desk.mark(), now):
            log.info("the counters are being counted again: volume rules wait", records=records)
            return None
        rules = self._rules()
        counts = self._counting.read(rules, self._names, now)
        if counts is None:
            return None
        outcome = evaluate(rules, counts, self.desk.opened(), now)
        if not self.desk.keep(outcome):
            return None
        self.desk.set_mark(records, now)
        self._observe(outcome, now)
        return outcome

    def _observe(self, outcome: Outcome, now: datetime) -> None:
        self._metrics.volume_last.set(now.timestamp())
        for (kind, reason), times in outcome.reasons.items():
            self._metrics.volume_decisions.labels(kind, reason).inc(times)
        for alert in outcome.alerts:
            log.info("raised", rule=alert.rule, kind=alert.kind, alert=alert.id)


def behind(records: int, mark: tuple[int, datetime] | None, now: datetime) -> bool:
    """Whether the counters stand for less than they did at the last turn, as while the log is counted again: what is
    missing then is no silence. After hours of that, what there is counts as all that there is."""
    return mark is not None and records < mark[0] and now - mark[1] < _BEHIND_MAX


def _run(context: Context, stop: threading.Event, turned: Callable[[], None]) -> None:
    settings = context.settings
    client = connect(address(settings))
    in_use = RulesInUse(settings, client)
    evaluator = Evaluator(client, settings, context.metrics, lambda: in_use.current().volume, turned)
    due = time.monotonic()
    try:
        while not stop.is_set():
            turned()
            if time.monotonic() >= due:
                evaluator.turn(datetime.now(UTC))
                due = time.monotonic() + settings.volume_seconds
            stop.wait(_LOOK_SECONDS)
    finally:
        with suppress(StoreUnavailable):  # then it expires
            evaluator.desk.give_back()
        client.close()


VOLUME = Service(
    name="volume",
    summary="evaluates the volume rules (spikes, new pairs, silent sources) every 30 seconds, and raises their alerts",
    reads="the counters in Redis",
    writes="an outbox in Redis",
    run=_run,
)
