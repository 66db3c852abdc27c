"""What the notifier knows of a group of alerts, and how an alert joins it. Pure functions.

Times in a group are milliseconds since the epoch: a receiver may have many thousand groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote

import msgspec

from consumers.alert_feed import SEVERITIES
from consumers.delivery.receivers import GroupBy, Receiver
from consumers.life.model import UNDETERMINED
from wirewatch.records import Alert, Severity

HeldWord = Literal["quiet-hours", "silenced", "acknowledged", "inhibited", "old", "not-wanted", "already-told"]
"""Why an alert is not told to a receiver, now or at all."""
HELD_WORDS: tuple[HeldWord, ...] = (
    "quiet-hours",
    "silenced",
    "acknowledged",
    "inhibited",
    "old",
    "not-wanted",
    "already-told",
)

DIGEST = "digest"
"""The one group of a receiver that has a digest."""
KNOWN_MAX = 1_000
"""Of how many alerts a group knows; of older ones only the number, if they wait to be told."""
HELD_MAX = 50
"""Of how many of those that wait a group holds all that they say; the rest is looked up in the feed when it is told."""
WAITING_KEPT = timedelta(days=14)
"""A group in which something waits is kept so long after the last alert at least."""


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert of a group."""

    story: str
    severity: Severity
    revision: int
    seen: int
    """When this revision came to us."""
    told: Severity | None = None
    """How severe it was when the receiver was told of it."""
    told_revision: int = 0
    waits: bool = False
    """Whether it may still be told without coming again."""
    held: HeldWord | None = None
    """Why it is not told: the last that was found."""
    alert: Alert | None = None
    """All of it, while it waits."""


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Alerts that share notifications, and what the receiver was told of them."""

    opened: int
    touched: int
    """When an alert last came."""
    number: int = 0
    """Notifications so far."""
    last: int = 0
    """When the last of them was put into the queue."""
    told: Severity | None = None
    """The most severe of what was told."""
    repeats: int = 0
    """Repeats since the last news."""
    digest_due: int = 0
    """When what waits goes into a digest."""
    known: dict[str, Known] = {}
    more: int = 0
    """Alerts that wait beyond KNOWN_MAX."""


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch."""
    return int(moment.timestamp() * 1000)


def to_moment(ms: int) -> datetime:
    """The moment in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def rank(severity: Severity | None) -> int:
    """Higher is more severe; None is less than all."""
    return SEVERITIES.index(severity) if severity else -1


def group_of(receiver: Receiver, alert: Alert) -> str:
    """The name of the group that the alert belongs to."""
    return DIGEST if receiver.digest else named(receiver.group_by, alert)


def named(by: Iterable[GroupBy], alert: Alert) -> str:
    """The same for alerts that are equal in all of ``by``. Of several actors the first counts, the one that decided; an
    alert without a story is one of its own."""
    return ",".join(f"{each}={quote(_value(each, alert), safe='')}" for each in by) or "all"


def _value(by: GroupBy, alert: Alert) -> str:
    match by:
        case "story":
            return alert.story or alert.id
        case "actor":
            return alert.actors[0].id if alert.actors else ""
        case "language":
            return alert.language or UNDETERMINED
        case _:
            return str(getattr(alert, by))


def unwanted(receiver: Receiver, alert: Alert) -> HeldWord | None:
    """Why the receiver never wants the alert as it is; None where it does."""
    if alert not in receiver.when:
        return "not-wanted"
    return "old" if alert.old and not receiver.old else None


def admit(receiver: Receiver, group: Group | None, alert: Alert, now: datetime) -> Group | None:
    """The group with the alert in it, or with its newer revision; unchanged for one that it knows already. An alert
    that the receiver does not want opens no group, and no longer waits in one."""
    known = group.known.get(alert.id) if group else None
    if known is not None and alert.revision <= known.revision:
        return group
    if word := unwanted(receiver, alert):
        if group is None or known is None:
            return group
        gone = msgspec.structs.replace(known, revision=alert.revision, waits=False, held=word, alert=None)
        return msgspec.structs.replace(group, known={**group.known, alert.id: gone})
    came = Known(
        story=alert.story or alert.id,
        severity=alert.severity,
        revision=alert.revision,
        seen=to_ms(now),
        told=known.told if known else None,
        told_revision=known.told_revision if known else 0,
        waits=True,
        held=known.held if known else None,
        alert=alert,
    )
    opened = group or Group(opened=to_ms(now), touched=to_ms(now))
    return trimmed(msgspec.structs.replace(opened, touched=to_ms(now), known={**opened.known, alert.id: came}))


def trimmed(group: Group) -> Group:
    """The group within its limits: what was told longest ago goes first, then what waits and matters least."""
    waiting = [(id_, each) for id_, each in group.known.items() if each.alert is not None]
    if len(group.known) <= KNOWN_MAX and len(waiting) <= HELD_MAX:
        return group
    known = dict(group.known)
    for id_, each in sorted(waiting, key=_weight)[: max(0, len(waiting) - HELD_MAX)]:
        known[id_] = msgspec.structs.replace(each, alert=None)
    order = sorted(
        known.items(), key=lambda item: (item[1].waits, *(_weight(item) if item[1].waits else (0, item[1].seen)))
    )
    surplus = order[: max(0, len(known) - KNOWN_MAX)]
    for id_, _ in surplus:
        del known[id_]
    more = group.more + sum(each.waits for _, each in surplus)
    return msgspec.structs.replace(group, known=known, more=more)


def _weight(item: tuple[str, Known]) -> tuple[int, int, str]:
    return rank(item[1].severity), item[1].seen, item[0]


def _worth(item: tuple[str, Known]) -> tuple[bool, int, int]:
    """What waits is worth more than what was told, of which the time alone counts."""
    return item[1].waits, rank(item[1].severity) if item[1].waits else 0, item[1].seen


def told_of(group: Group) -> Mapping[str, Severity]:
    """The most severe that was told of each story; stories of which nothing was told are not in it."""
    told: dict[str, Severity] = {}
    for known in group.known.values():
        if known.told and rank(known.told) > rank(told.get(known.story)):
            told[known.story] = known.told
    return told


def expires(group: Group, kept: timedelta) -> datetime:
    """When the group may be forgotten: some time after its last alert, later while something waits in it."""
    waits = any(known.waits for known in group.known.values())
    return to_moment(group.touched) + (max(kept, WAITING_KEPT) if waits else kept)
