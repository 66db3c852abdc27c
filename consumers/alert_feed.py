"""Reads alerts back: by page, newest first, and as they come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

import msgspec

from consumers.keys import Keys
from wirewatch.records import Alert, AlertKind, Severity
from wirewatch.redis_client import BLOCK_SECONDS_MAX, Client, answers

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
START = "0-0"
"""The cursor before the first alert."""
CURSOR = re.compile(r"[0-9]{1,19}(-[0-9]{1,19})?")
"""A place in the feed as Redis writes it, within what it takes (64 bits)."""

_CHUNK = 200
_LOOKED_AT_MAX = 20_000
_MOVED_MAX = 3

Entries = Sequence[tuple[str, dict[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alerts; None takes all. ``severity`` is the least one; a source or a language may be that of any article of
    the story that matched."""

    actor: str | None = None
    rule: str | None = None
    severity: Severity | None = None
    source: str | None = None
    language: str | None = None
    kind: AlertKind | None = None
    story: str | None = None
    old: bool | None = None

    def __contains__(self, alert: Alert) -> bool:
        return (
            (self.actor is None or any(actor.id == self.actor for actor in alert.actors))
            and (self.rule is None or alert.rule == self.rule)
            and (self.severity is None or SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.severity))
            and (self.source is None or alert.source == self.source or self.source in alert.sources)
            and (self.language is None or self.language in {alert.language, *(of.language for of in alert.articles)})
            and (self.kind is None or alert.kind == self.kind)
            and (self.story is None or alert.story == self.story)
            and (self.old is None or alert.old == self.old)
        )


class FedAlert(msgspec.Struct, frozen=True):
    """An alert in its newest revision and the place of that in the feed; ``first`` is the place of its first revision,
    which the feed does not have any more, and empty where this is it."""

    cursor: str
    alert: Alert
    first: str = ""

    def is_new(self, after: str) -> bool:
        """Whether who had read the feed up to ``after`` has not seen this alert in any revision."""
        return not self.first or place_of(self.first) > place_of(after)

    def flat(self) -> dict[str, object]:
        """The alert's fields with ``cursor`` before them, as JSON shows it."""
        fields: dict[str, object] = msgspec.to_builtins(self.alert)
        return {"cursor": self.cursor, **fields}


@dataclass(frozen=True, slots=True)
class Page:
    """Alerts, newest first. ``before`` reads on with the next page; None: there is no more."""

    alerts: Sequence[FedAlert]
    before: str | None


def read_page(
    client: Client,
    keys: Keys,
    wanted: Wanted,
    *,
    limit: int,
    since: datetime | None = None,
    before: str | None = None,
) -> Page:
    """At most ``limit`` alerts that came into the feed since then, older than the place ``before``.

    A page may hold fewer, even none, and still name a next one: a filter that fits little is not searched for ever.
    Raises StoreUnavailable.
    """
    oldest = f"{max(0, int(since.timestamp() * 1000))}-0" if since else "-"
    newest = f"({before}" if before else "+"
    found: list[FedAlert] = []
    for _ in range(0, _LOOKED_AT_MAX, _CHUNK):
        with answers():
            entries: Entries = client.xrevrange(keys.feed, newest, oldest, count=_CHUNK)
        for cursor, fields in entries:
            newest = f"({cursor}"
            alert = decoded(fields)
            if alert in wanted:
                found.append(FedAlert(cursor, alert, fields.get("first", "")))
                if len(found) == limit:
                    return Page(found, cursor)
        if len(entries) < _CHUNK:
            return Page(found, None)
    return Page(found, newest.removeprefix("("))


def find_alert(client: Client, keys: Keys, alert_id: str) -> FedAlert | None:
    """The newest revision of an alert; None when it is not kept, or never was. Raises StoreUnavailable."""
    # An update moves the alert to another place: who looked at the old one in between looks again.
    for _ in range(_MOVED_MAX):
        with answers():
            place = client.hget(keys.feed_ids, alert_id)
            entries: Entries = client.xrange(keys.feed, place, place) if place else ()
        if place is None or entries:
            return FedAlert(entries[0][0], decoded(entries[0][1]), entries[0][1].get("first", "")) if entries else None
    return None


def latest(client: Client, keys: Keys) -> str:
    """The cursor of the newest alert: what comes after it is new. Raises StoreUnavailable."""
    with answers():
        entries: Entries = client.xrevrange(keys.feed, count=1)
    return entries[0][0] if entries else START


def follow(client: Client, keys: Keys, wanted: Wanted, after: str) -> Iterator[FedAlert | None]:
    """Alerts behind the cursor ``after``, then new ones as they come, for ever; None whenever none came for a while, so
    that the caller may stop. Raises StoreUnavailable; go on with the cursor of the last alert."""
    while True:
        with answers():
            answer = client.xread({keys.feed: after}, count=_CHUNK, block=int(BLOCK_SECONDS_MAX * 1000))
        for _, entries in answer:
            for cursor, fields in entries:
                after = cursor
                alert = decoded(fields)
                if alert in wanted:
                    yield FedAlert(cursor, alert, fields.get("first", ""))
        if not answer:
            yield None


def place_of(cursor: str) -> tuple[int, int]:
    """A cursor as numbers, which are in the order of the feed."""
    first, _, second = cursor.partition("-")
    return int(first), int(second or 0)


def decoded(fields: dict[str, str]) -> Alert:
    """The alert of one entry of the feed."""
    return msgspec.json.decode(fields["alert"], type=Alert)
