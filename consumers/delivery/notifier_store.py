"""What the notifier reads from Redis and keeps there, by the keys of ``consumers/delivery/notification.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from consumers.alert_feed import START, Entries, decoded, latest
from consumers.delivery.groups import Group, to_ms
from consumers.delivery.notification import Notification, ReceiverKey, ReceiverKeys
from consumers.keys import Keys
from wirewatch.records import Alert
from wirewatch.redis_client import Client, answers

LEASE_SECONDS = 6.0
FORGOTTEN_AFTER = timedelta(days=30)
"""What is known of a receiver that no one follows any more; if it comes again after that, it is a new one."""
READ_MAX = 200

_TOUCHED: tuple[ReceiverKey, ...] = (
    "notifier",
    "cursor",
    "groups",
    "look",
    "queue",
    "notifications",
    "marks",
    "sent",
)
_OWN: tuple[ReceiverKey, ...] = ("cursor", "groups", "look", "marks")
_DECIDED = Path(__file__).with_name("decided.lua").read_text("utf-8")
_LEASE = Path(__file__).with_name("lease.lua").read_text("utf-8")


@dataclass(slots=True)
class Changes:
    """What one turn decided for one receiver."""

    groups: dict[str, tuple[Group | None, datetime | None]] = field(default_factory=dict)
    """Group (None: forget it) and when to look at it."""
    notifications: list[Notification] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    marks_before: int = 0
    """Older marks are dropped; milliseconds."""


class NotifierStore:
    """Every method raises StoreUnavailable; repeating is safe."""

    def __init__(self, client: Client, keys: Keys, who: str, lease_seconds: float = LEASE_SECONDS) -> None:
        self.lease_seconds = lease_seconds
        self._client = client
        self._keys = keys
        self._who = who
        self._decided = client.register_script(_DECIDED)
        self._lease = client.register_script(_LEASE)

    def _of(self, receiver: str) -> ReceiverKeys:
        return ReceiverKeys(self._keys.prefix, receiver)

    def take(self, receiver: str) -> bool:
        """Whether we decide for the receiver, for the next ``lease_seconds``."""
        keys = self._of(receiver)
        with answers():
            ours = bool(self._lease(keys=[keys.key("notifier")], args=[self._who, int(self.lease_seconds * 1000)]))
            if ours:
                for name in _OWN:
                    self._client.pexpire(keys.key(name), FORGOTTEN_AFTER)
            return ours

    def release(self, receiver: str) -> None:
        """Let another decide at once. One that is no longer ours stays as it is."""
        with answers():
            self._lease(keys=[self._of(receiver).key("notifier")], args=[self._who, 0])

    def cursor(self, receiver: str) -> str:
        """Up to where the receiver's alerts have been looked at. A new receiver begins at the newest alert."""
        name = self._of(receiver).key("cursor")
        with answers():
            found: str | None = self._client.get(name)
            if found is None:
                self._client.set(name, latest(self._client, self._keys), nx=True, px=FORGOTTEN_AFTER)
                found = self._client.get(name)
        return found or START

    def after(self, cursor: str) -> Sequence[tuple[str, Alert]]:
        """The next alerts of the feed behind that place, each with its own."""
        with answers():
            entries: Entries = self._client.xrange(self._keys.feed, f"({cursor}", "+", count=READ_MAX)
        return [(place, decoded(fields)) for place, fields in entries]

    def trimmed(self) -> str | None:
        """The newest place that the feed has dropped."""
        with answers():
            found: str | None = self._client.get(self._keys.feed_trimmed)
        return found

    def wait(self, cursor: str, seconds: float) -> None:
        """Until the feed holds something behind that place, but no longer than so many seconds."""
        with answers():
            self._client.xread({self._keys.feed: cursor}, count=1, block=max(1, int(seconds * 1000)))

    def in_feed(self, ids: Iterable[str]) -> dict[str, Alert]:
        """The newest revision of each that the feed still has."""
        asked = list(ids)
        if not asked:
            return {}
        with answers():
            places = self._client.hmget(self._keys.feed_ids, asked)
            pipe: Any = self._client.pipeline(transaction=False)
            for place in filter(None, places):
                pipe.xrange(self._keys.feed, place, place)
            found: list[Entries] = pipe.execute()
        alerts = (decoded(fields) for entries in found for _, fields in entries)
        return {alert.id: alert for alert in alerts}

    def due(self, receiver: str, now: datetime) -> list[str]:
        """Groups that are to be looked at by now, the longest overdue first."""
        name = self._of(receiver).key("look")
        with answers():
            found: list[str] = self._client.zrangebyscore(name, "-inf", to_ms(now), start=0, num=READ_MAX)
        return found

    def next_look(self, receiver: str) -> int | None:
        """When the next group is due, milliseconds."""
        with answers():
            first = self._client.zrange(self._of(receiver).key("look"), 0, 0, withscores=True)
        return int(first[0][1]) if first else None

    def groups(self, receiver: str, names: Sequence[str]) -> dict[str, Group]:
        """What is known of these; those that are new are not in it, nor what another version wrote otherwise."""
        if not names:
            return {}
        with answers():
            found = self._client.hmget(self._of(receiver).key("groups"), names)
        groups: dict[str, Group] = {}
        for name, data in zip(names, found, strict=True):
            if data:
                try:
                    groups[name] = msgspec.json.decode(data, type=Group)
                except msgspec.MsgspecError:
                    continue
        return groups

    def marked(self, receiver: str, marks: Sequence[str], since: int) -> frozenset[str]:
        """Those of the marks that have come since then."""
        if not marks:
            return frozenset()
        with answers():
            scores = self._client.zmscore(self._of(receiver).key("marks"), marks)
        return frozenset(
            mark for mark, score in zip(marks, scores, strict=True) if score is not None and score >= since
        )

    def keep(self, receiver: str, read_from: str, cursor: str, changes: Changes) -> bool:
        """Keep all of it in one step. False, and nothing is changed, where another decides for the receiver by now, or
        where an earlier call whose answer was lost has kept it all: read the cursor again."""
        keys = self._of(receiver)
        names = [keys.key(name) for name in _TOUCHED]
        arguments: list[object] = [self._who, int(self.lease_seconds * 1000), read_from, cursor, changes.marks_before]
        arguments += [len(changes.groups), *_flat_groups(changes.groups)]
        arguments.append(len(changes.notifications))
        for each in changes.notifications:
            arguments += [each.id, msgspec.json.encode(each), to_ms(each.created)]
        arguments.append(len(changes.marks))
        for mark, came in changes.marks.items():
            arguments += [mark, came]
        with answers():
            return bool(self._decided(keys=names, args=arguments))


def _flat_groups(groups: Mapping[str, tuple[Group | None, datetime | None]]) -> list[object]:
    flat: list[object] = []
    for name, (group, look) in groups.items():
        flat += [name, msgspec.json.encode(group) if group else b"", to_ms(look) if look else ""]
    return flat
