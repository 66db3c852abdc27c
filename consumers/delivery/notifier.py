"""Follows the alert feed for every receiver, and puts what a receiver is to be told into its queue.

For each receiver: read the alerts behind its cursor, and the groups whose time has come; decide (``deciding``); keep
groups, notifications and cursor in one step. A process that dies before that step has done nothing, one that dies
behind it has done all; a lease tells which process decides for a receiver, and the step is refused to any other.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from consumers.delivery.deciding import Said, decide, repeat_due
from consumers.delivery.groups import Group, admit, expires, group_of, to_ms, unwanted
from consumers.delivery.inhibition import marks_against, marks_of
from consumers.delivery.notifier_store import Changes, NotifierStore
from consumers.delivery.quiet import Quiet
from consumers.delivery.receivers import Inhibit, Receiver, Receivers
from consumers.delivery.receivers_in_use import ReceiversInUse
from consumers.keys import Keys
from consumers.life.store import LifeStore
from consumers.rules_in_use import RulesInUse
from wirewatch.errors import StoreUnavailable, UserError
from wirewatch.metrics import Metrics
from wirewatch.records import Alert
from wirewatch.redis_client import Client, address, connect
from wirewatch.settings import Settings
from wirewatch.stage import Context

GROUP_KEPT = timedelta(days=7)
"""A group is forgotten so long after its last alert."""
_WAIT_SECONDS = 1.0
_OBSERVE_SECONDS = 10.0

log = structlog.get_logger(__name__)

QuietOfRules = Callable[[], Mapping[str, tuple[Quiet, ...]]]
Arrivals = Sequence[tuple[str, Alert]]


def run_notifier(
    context: Context,
    receivers: ReceiversInUse,
    stop: threading.Event,
    turned: Callable[[], None] = lambda: None,
    enqueued: Callable[[str], None] = lambda _: None,
) -> None:
    """Decide for every receiver until ``stop`` is set. ``turned`` is called at every turn of the loop, ``enqueued``
    with the receiver's id after something was put into its queue, so that a sender in this process need not wait.

    Blocks: give it a thread of its own. Several processes may run it; a lease per receiver tells who decides. While
    Redis is away it waits; nothing is lost or repeated by that. May raise StoreUnavailable at the start: call it again.
    """
    settings = context.settings
    client = connect(address(settings))
    try:
        keys, lease_seconds = Keys(settings.redis_prefix), settings.delivery_lease_seconds
        store = NotifierStore(client, keys, secrets.token_hex(8), lease_seconds)
        life = LifeStore(client, settings.redis_prefix)
        quiet = _quiet_of_rules(settings, client)
        notifier = Notifier(store, life, context.metrics, enqueued, quiet, _kept(settings))
        while not stop.is_set():
            turned()
            try:
                if not notifier.turn(receivers.current(), datetime.now(UTC)):
                    notifier.wait(stop, _WAIT_SECONDS)
            except StoreUnavailable as error:
                log.warning("the notifier waits for Redis", error=str(error))
                stop.wait(_WAIT_SECONDS)
        with suppress(StoreUnavailable):
            notifier.release()
    finally:
        client.close()


def _kept(settings: Settings) -> timedelta:
    """Longer than a story lives and an edit is known as one: else it would be told as a new story."""
    return max(GROUP_KEPT, timedelta(hours=settings.story_hours + 24), timedelta(days=settings.seen_days + 2))


def _quiet_of_rules(settings: Settings, client: Client) -> QuietOfRules:
    """The quiet hours of the rules in use, as they change."""
    try:
        rules = RulesInUse(settings, client)
    except UserError as error:
        log.warning("the rules cannot be read: their quiet hours do not hold until a restart", error=str(error))
        return dict

    def current() -> dict[str, tuple[Quiet, ...]]:
        found = rules.current()
        return {rule.id: rule.quiet for rule in (*found.rules, *found.volume) if rule.quiet}

    return current


class Notifier:
    """One process's part: the receivers that it has the lease of. Not safe to share between threads."""

    def __init__(
        self,
        store: NotifierStore,
        life: LifeStore,
        metrics: Metrics,
        enqueued: Callable[[str], None] = lambda _: None,
        quiet_of_rules: QuietOfRules = dict,
        kept: timedelta = GROUP_KEPT,
    ) -> None:
        self._store = store
        self._life = life
        self._metrics = metrics
        self._kept = kept
        self._enqueued = enqueued
        self._quiet_of_rules = quiet_of_rules
        self._leases: dict[str, float] = {}
        self._cursors: dict[str, str] = {}
        self._observe_due = 0.0

    def turn(self, receivers: Receivers, now: datetime) -> bool:
        """Decide what there is to decide for each receiver; False where nothing was. Raises StoreUnavailable."""
        self._take([receiver.id for receiver in receivers.receivers])
        read: dict[str, Arrivals] = {}
        busy = False
        for receiver in receivers.receivers:
            if receiver.id in self._leases:
                cursor = self._cursors[receiver.id]
                if cursor not in read:
                    read[cursor] = self._store.after(cursor)
                busy |= self._advance(receiver, receivers.inhibit, read[cursor], now)
        if time.monotonic() >= self._observe_due:
            self._observe()
        return busy

    def wait(self, stop: threading.Event, seconds: float) -> None:
        """Until an alert comes or a group is due, but no longer than so many seconds."""
        if not self._cursors:
            stop.wait(seconds)
            return
        looks = [look for receiver in self._leases if (look := self._store.next_look(receiver)) is not None]
        until = min(looks, default=0) / 1000 - time.time() if looks else seconds
        if until > 0:
            self._store.wait(max(self._cursors.values(), key=_place), min(seconds, until))

    def release(self) -> None:
        """Let other processes decide at once."""
        for receiver in self._leases:
            self._store.release(receiver)
        self._leases.clear()
        self._cursors.clear()

    def _take(self, receivers: Sequence[str]) -> None:
        """Take and renew leases; forget those of receivers that the file has no more."""
        for gone in self._leases.keys() - set(receivers):
            self._store.release(gone)
            self._drop(gone)
        for receiver in receivers:
            if self._leases.get(receiver, 0.0) > time.monotonic():
                continue
            if not self._store.take(receiver):
                self._drop(receiver)
            else:
                self._leases[receiver] = time.monotonic() + self._store.lease_seconds / 3
                if receiver not in self._cursors:
                    self._cursors[receiver] = self._begin(receiver)

    def _drop(self, receiver: str) -> None:
        self._leases.pop(receiver, None)
        self._cursors.pop(receiver, None)

    def _begin(self, receiver: str) -> str:
        cursor, trimmed = self._store.cursor(receiver), self._store.trimmed()
        if trimmed is not None and _place(trimmed) > _place(cursor):
            self._metrics.notifier_lost.inc()
            log.warning(
                "the feed has dropped alerts that this receiver was not told of: it goes on with the oldest there is; "
                "raise WIREWATCH_ALERTS_KEPT",
                receiver=receiver,
                read_up_to=cursor,
                dropped_up_to=trimmed,
            )
        return cursor

    def _advance(self, receiver: Receiver, inhibits: Sequence[Inhibit], arrivals: Arrivals, now: datetime) -> bool:
        cursor = self._cursors[receiver.id]
        due = self._store.due(receiver.id, now)
        if not arrivals and not due:
            return False
        changes = Changes(marks_before=to_ms(now - self._kept))
        for _, alert in arrivals:
            changes.marks.update(dict.fromkeys(marks_of(inhibits, alert), to_ms(now)))
        groups, words = self._admitted(receiver, arrivals, due, now)
        said = self._said(receiver, inhibits, groups, changes, now)
        for name, group in groups.items():
            if expires(group, self._kept) <= now:
                changes.groups[name] = None, None
                continue
            decision = decide(receiver, name, group, said, now)
            look = min(filter(None, (decision.at, expires(decision.group, self._kept))))
            changes.groups[name] = decision.group, look
            words += decision.held
            if decision.notification:
                changes.notifications.append(decision.notification)
        # A group that is gone, as another version wrote it otherwise, is not looked at for ever.
        changes.groups |= {name: (None, None) for name in due if name not in groups}
        following = arrivals[-1][0] if arrivals else cursor
        if not self._store.keep(receiver.id, cursor, following, changes):
            self._drop(receiver.id)
            return False
        self._cursors[receiver.id] = following
        self._count(receiver.id, changes, words)
        return True

    def _admitted(
        self, receiver: Receiver, arrivals: Arrivals, due: Sequence[str], now: datetime
    ) -> tuple[dict[str, Group], list[str]]:
        """The groups to decide about: those that are due and those that alerts came to, with the alerts in them; and
        words for alerts that came to none."""
        came = [(group_of(receiver, alert), alert) for _, alert in arrivals]
        groups = self._store.groups(receiver.id, list(dict.fromkeys((*due, *(name for name, _ in came)))))
        words: list[str] = []
        for name, alert in came:
            group = groups.get(name)
            if group is not None and expires(group, self._kept) <= now:
                group = None
            if (after := admit(receiver, group, alert, now)) is not None:
                groups[name] = after
            if word := unwanted(receiver, alert):
                words.append(word)
        return groups, words

    def _said(
        self,
        receiver: Receiver,
        inhibits: Sequence[Inhibit],
        groups: Mapping[str, Group],
        changes: Changes,
        now: datetime,
    ) -> Said:
        """All that the decisions ask for, read at once."""
        alerts: dict[str, Alert] = {}
        missing: list[str] = []
        for group in groups.values():
            repeats = (due := repeat_due(receiver, group)) is not None and due <= now
            for id_, known in group.known.items():
                if known.alert is not None:
                    alerts[id_] = known.alert
                elif known.waits or (repeats and known.told):
                    missing.append(id_)
        alerts |= self._store.in_feed(missing)
        lives = self._life.of(list(alerts.values()), now)
        against = {id_: marks_against(inhibits, alert) for id_, alert in alerts.items()}
        marks = {mark for each in against.values() for mark in each}
        present = self._store.marked(receiver.id, sorted(marks), changes.marks_before) | changes.marks.keys()
        return Said(
            alerts=alerts,
            life=dict(zip(alerts, lives, strict=True)),
            inhibited=frozenset(id_ for id_, each in against.items() if not present.isdisjoint(each)),
            quiet=self._quiet_of_rules(),
        )

    def _count(self, receiver: str, changes: Changes, words: Sequence[str]) -> None:
        for notification in changes.notifications:
            self._metrics.notifications_decided.labels(notification.reason).inc()
            log.info(
                "notification decided",
                receiver=receiver,
                reason=notification.reason,
                notification=notification.id,
                alerts=notification.alerts_total,
            )
        for word in words:
            self._metrics.alerts_held_back.labels(word).inc()
        if changes.notifications:
            self._enqueued(receiver)

    def _observe(self) -> None:
        """Show the verdicts per rule."""
        for rule, precision in self._life.precisions().items():
            shown = self._metrics.bounded("rule", rule)
            for value in ("true", "false", "unsure"):
                self._metrics.rule_verdicts.labels(shown, value).set(getattr(precision, value))
            if precision.precision is not None:
                self._metrics.rule_precision.labels(shown).set(precision.precision)
        self._observe_due = time.monotonic() + _OBSERVE_SECONDS


def _place(cursor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in cursor.split("-"))
