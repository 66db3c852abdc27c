"""Whether a receiver is told of a group now, later, or not: a pure function of what is known and ``now``.

It follows Alertmanager: a group waits group_wait before its first notification and group_interval between two; repeats
come after repeat_interval, rounded up to group_interval; what is silenced or inhibited is told when that ends while it
is still news. In doubt the receiver is told: rather twice than never.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from consumers.delivery.digests import next_digest
from consumers.delivery.groups import HELD_WORDS, Group, HeldWord, Known, rank, to_moment, to_ms, told_of, unwanted
from consumers.delivery.notification import ALERTS_MAX, Notification, NotificationReason
from consumers.delivery.quiet import Quiet, quiet_until
from consumers.delivery.receivers import Receiver
from consumers.life.model import NOTHING_SAID, Life
from consumers.moments import parse_span
from wirewatch.records import Alert, Severity

Waiting = Literal["waiting-group", "waiting-interval", "waiting-digest"]
Reason = NotificationReason | Waiting | HeldWord

YOUNG = timedelta(hours=1)
"""An alert that was held back is told when nothing holds it any more, if its newest revision is not older than this."""
LOOK_AGAIN = timedelta(seconds=10)
"""People end silences and withdraw acknowledgements: an alert that was held back is looked at again so soon."""
_WAITING: dict[NotificationReason, Waiting] = {"first": "waiting-group", "digest": "waiting-digest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is known about the alerts of a group besides the group."""

    alerts: Mapping[str, Alert] = field(default_factory=dict)
    """By id: those whose text is at hand."""
    life: Mapping[str, Life] = field(default_factory=dict)
    inhibited: frozenset[str] = frozenset()
    """Ids of alerts that another one inhibits."""
    quiet: Mapping[str, tuple[Quiet, ...]] = field(default_factory=dict)
    """Quiet hours of rules, by the rule's id."""


NOTHING = Said()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided, and the group as it is from then on. ``at``: when to look at it again; None where only a new
    alert can change anything. ``held``: words for alerts that got another word than before, for counting."""

    reason: Reason
    group: Group
    at: datetime | None = None
    notification: Notification | None = None
    held: tuple[HeldWord, ...] = ()


@dataclass(slots=True)
class _Sorted:
    """The alerts of a group that wait, by what may be done with them."""

    known: dict[str, Known]
    ready: dict[str, NotificationReason] = field(default_factory=dict)
    held: list[HeldWord] = field(default_factory=list)
    changed: list[HeldWord] = field(default_factory=list)
    looks: list[datetime] = field(default_factory=list)


def decide(receiver: Receiver, name: str, group: Group, said: Said, now: datetime) -> Decision:
    """What the receiver is told of the group called ``name`` at ``now``. Repeating it with the same group tells the
    same; with the group that it returns it tells nothing twice."""
    found = _sort(receiver, group, said, now)
    group = msgspec.structs.replace(group, known=found.known, digest_due=_digest_due(receiver, group, found, now))
    if not found.ready:
        return _repeat(receiver, name, group, said, found, now)
    reason, due = _gate(receiver, group, found.ready, now)
    if now < due:
        return _decided(_WAITING.get(reason, "waiting-interval"), group, found, [due])
    after, notification = _tell(receiver, name, group, tuple(found.ready), said, reason, now)
    again = repeat_due(receiver, after)
    return _decided(reason, after, found, [again] if again else [], notification)


def repeat_due(receiver: Receiver, group: Group) -> datetime | None:
    """When the group is to be told again though nothing is new; None for never."""
    if receiver.repeat_interval is None or receiver.digest or not group.number:
        return None
    first = parse_span(receiver.repeat_interval).total_seconds()
    longest = max(first, parse_span(receiver.repeat_interval_max).total_seconds())
    # The power is bounded before it is taken: a group may repeat for days.
    steps = math.log(longest / first) / math.log(receiver.repeat_factor) if receiver.repeat_factor > 1 else 0
    wait = min(longest, first * receiver.repeat_factor ** min(group.repeats, math.ceil(steps)))
    if tick := parse_span(receiver.group_interval).total_seconds():
        wait = math.ceil(wait / tick) * tick
    return to_moment(group.last) + timedelta(seconds=wait)


def news(receiver: Receiver, group: Group, known: Known, told: Severity | None) -> NotificationReason | None:
    """Why the alert is news, ``told`` being the most severe that the receiver was told of its story; None where it has
    been told all that it asks for. A new story of a group that was told before is an update of that group."""
    if told is None:
        return "updated" if group.number else "first"
    if rank(known.severity) > rank(told):
        return "escalated"
    return "updated" if receiver.updates and known.revision > known.told_revision else None


def _sort(receiver: Receiver, group: Group, said: Said, now: datetime) -> _Sorted:
    """Ask of every alert that waits whether it is news, and whether anything holds it back."""
    found, told = _Sorted(dict(group.known)), told_of(group)
    for id_, known in group.known.items():
        if not known.waits:
            continue
        word: HeldWord | None = "already-told"
        until = None
        if why := news(receiver, group, known, told.get(known.story)):
            word, until = _held_back(receiver, id_, said.alerts.get(id_, known.alert), said, now)
        if word is None and why is not None:
            found.ready[id_] = why
        elif word is not None:
            _hold(found, id_, word, until, now)
    return found


def _hold(found: _Sorted, id_: str, word: HeldWord, until: datetime | None, now: datetime) -> None:
    known = found.known[id_]
    young = now - to_moment(known.seen) < YOUNG
    waits = word == "quiet-hours" or (young and word in ("silenced", "acknowledged", "inhibited"))
    if waits:
        found.looks.append(until or now + LOOK_AGAIN)
    found.held.append(word)
    if word != known.held:
        found.changed.append(word)
    found.known[id_] = msgspec.structs.replace(known, waits=waits, held=word, alert=known.alert if waits else None)


def _held_back(
    receiver: Receiver, id_: str, alert: Alert | None, said: Said, now: datetime
) -> tuple[HeldWord | None, datetime | None]:
    """Why the alert is held back, and until when as far as that is known."""
    life = said.life.get(id_, NOTHING_SAID)
    if alert is not None and (word := unwanted(receiver, alert)):
        return word, None
    if id_ in said.inhibited:
        return "inhibited", None
    if life.silences:
        return "silenced", None
    if life.acknowledged or (life.verdict and life.verdict.value == "false"):
        return "acknowledged", None
    quiets = (*receiver.quiet, *(said.quiet.get(alert.rule, ()) if alert else ()))
    until = quiet_until(quiets, now)
    return ("quiet-hours", until) if until else (None, None)


def _digest_due(receiver: Receiver, group: Group, found: _Sorted, now: datetime) -> int:
    """Set by the first alert that waits for the digest, so that a digest that is late is still that one."""
    if receiver.digest and (found.ready or "quiet-hours" in found.held):
        return group.digest_due or to_ms(next_digest(receiver.digest, now))
    return 0


def _gate(
    receiver: Receiver, group: Group, ready: Mapping[str, NotificationReason], now: datetime
) -> tuple[NotificationReason, datetime]:
    """Why the group is told, and from when on it may be."""
    if receiver.digest:
        return "digest", to_moment(group.digest_due)
    if not group.number:
        return "first", to_moment(group.opened) + parse_span(receiver.group_wait)
    reason: NotificationReason = "escalated" if "escalated" in ready.values() else "updated"
    worst = max(rank(group.known[id_].severity) for id_ in ready)
    if reason == "escalated" and worst > rank(group.told):
        return reason, now
    return reason, to_moment(group.last) + parse_span(receiver.group_interval)


def _repeat(receiver: Receiver, name: str, group: Group, said: Said, found: _Sorted, now: datetime) -> Decision:
    """Nothing is new: whether what was told is told again."""
    held_words = found.held or [known.held for known in group.known.values() if known.held]
    word: HeldWord = next((each for each in HELD_WORDS if each in held_words), "already-told")
    due = repeat_due(receiver, group)
    if due is None or now < due:
        return _decided(word, group, found, [due] if due else [])
    fits: list[str] = []
    words: set[HeldWord] = set()
    looks: list[datetime] = []
    for id_, known in group.known.items():
        if known.told and id_ in said.alerts:
            held, until = _held_back(receiver, id_, said.alerts[id_], said, now)
            fits += [id_] if held is None else []
            words |= {held} if held else set()
            looks += [until] if until else []
    if fits:
        after, notification = _tell(receiver, name, group, tuple(fits), said, "repeat", now)
        again = repeat_due(receiver, after)
        return _decided("repeat", after, found, [again] if again else [], notification)
    # Not as often as for news: an acknowledged group would be looked at for days.
    looks += [now + (due - to_moment(group.last))] if words else []
    return _decided(next((held for held in HELD_WORDS if held in words), word), group, found, looks)


def _tell(
    receiver: Receiver,
    name: str,
    group: Group,
    ids: tuple[str, ...],
    said: Said,
    reason: NotificationReason,
    now: datetime,
) -> tuple[Group, Notification]:
    known = dict(group.known)
    for id_ in ids:
        known[id_] = msgspec.structs.replace(
            known[id_], waits=False, held=None, alert=None, told=known[id_].severity, told_revision=known[id_].revision
        )
    alerts = [alert for id_ in ids if (alert := said.alerts.get(id_, group.known[id_].alert))]
    alerts.sort(key=lambda alert: (rank(alert.severity), alert.updated or alert.raised, alert.id), reverse=True)
    total = len(ids)
    if reason == "digest":
        stories = {alert.story or alert.id: alert for alert in reversed(alerts)}
        alerts = [alert for alert in alerts if stories[alert.story or alert.id] is alert]
        total = len({known[id_].story for id_ in ids})
    after = msgspec.structs.replace(
        group,
        known=known,
        number=group.number + 1,
        last=to_ms(now),
        told=max((group.told, *(known[id_].severity for id_ in ids)), key=rank),
        repeats=group.repeats + 1 if reason == "repeat" else 0,
        digest_due=0,
        more=0,
    )
    return after, Notification(
        id=notification_id(receiver.id, name, group),
        receiver=receiver.id,
        group=name,
        number=group.number,
        reason=reason,
        alerts=tuple(alerts[:ALERTS_MAX]),
        alerts_total=total + group.more,
        created=now,
    )


def notification_id(receiver: str, name: str, group: Group) -> str:
    """The same whoever decides it and whenever; another one for each notification of each group. A group that was
    forgotten and opened again is another group."""
    parts = (receiver, name, str(group.opened), str(group.number))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _decided(
    reason: Reason,
    group: Group,
    found: _Sorted,
    looks: list[datetime],
    notification: Notification | None = None,
) -> Decision:
    return Decision(
        reason=reason,
        group=group,
        at=min((*found.looks, *looks), default=None),
        notification=notification,
        held=tuple(found.changed),
    )
