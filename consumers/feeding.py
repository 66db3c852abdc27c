"""From matches to the feed: gives each its story, merges it into the alert of its rule and story, and writes that down.

Nothing is lost or merged twice, whoever dies and however many do it at once: a match leaves an outbox only into the
inbox, over one connection; one script takes it from there into the feed, and only if no alert that it changes was
changed since it was read. That script also notes the match, so that a repeat is known as one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from consumers.keys import Keys
from consumers.stories.book import Stories, Told
from consumers.stories.merging import alert_id, is_old, merge
from wirewatch.errors import StoreUnavailable
from wirewatch.metrics import Metrics
from wirewatch.records import Alert
from wirewatch.redis_client import Client, answers
from wirewatch.settings import Settings

Entry = tuple[str, dict[str, str]]
_TAKE = Path(__file__).with_name("take.lua").read_text("utf-8")
_STANDING = Path(__file__).with_name("standing.lua").read_text("utf-8")
_RELAY = Path(__file__).with_name("relay.lua").read_text("utf-8")
_TRIES_MAX = 100
NOWHERE = "0"
"""What is known of a match that the feed does not have."""


@dataclass(slots=True)
class _Merged:
    """One alert while matches are merged into it. ``place``: where the feed has it, empty for nowhere."""

    place: str
    alert: Alert | None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A match in the inbox."""

    place: str
    id: str
    alert: Alert
    sketch: str


class Feeding:
    """The way into the feed of one Redis."""

    def __init__(self, client: Client, keys: Keys, settings: Settings, metrics: Metrics) -> None:
        self._client = client
        self._keys = keys
        self._kept = settings.alerts_kept
        self._old_hours = settings.old_hours
        self._metrics = metrics
        self._stories = Stories(client, keys, settings, metrics)
        self._take = client.register_script(_TAKE)
        self._standing = client.register_script(_STANDING)
        self._relay = client.register_script(_RELAY)

    def take(self, outbox: str, entries: Sequence[Entry]) -> None:
        """Into the inbox and, in the same breath, out of the outbox. Raises StoreUnavailable; repeating is safe.

        Over one connection, so that a server that comes back without its tail in between never gets the second half;
        and exactly these, as a replay may have put older ones there meanwhile.
        """
        arguments = [
            part for _, fields in entries for part in (fields["id"], fields["alert"], fields.get("sketch", ""))
        ]
        with answers(), self._client.pipeline(transaction=False) as pipe:
            self._take(keys=[self._keys.feed_inbox], args=arguments, client=pipe)
            pipe.xdel(outbox, *(place for place, _ in entries))
            pipe.execute()

    def merge(self, matches_max: int) -> None:
        """Bring matches from the inbox into the feed, and what is to be sent of them. Raises StoreUnavailable;
        repeating is safe."""
        for _ in range(_TRIES_MAX):
            with answers():
                entries: list[Entry] = self._client.xrange(self._keys.feed_inbox, count=matches_max)
            if not entries:
                return
            waiting = [self._waiting(entry) for entry in entries]
            if self._merged(waiting):
                return
        raise StoreUnavailable("other relays change the same alerts all the time")

    def _waiting(self, entry: Entry) -> _Waiting:
        place, fields = entry
        match = msgspec.json.decode(fields["alert"], type=Alert)
        match = msgspec.structs.replace(match, old=match.old or is_old(match, self._old_hours))
        return _Waiting(place, fields["id"], match, fields.get("sketch", ""))

    def _merged(self, waiting: Sequence[_Waiting]) -> bool:
        """Whether it is done; False: somebody else was there."""
        known = self._known(waiting)
        new = self._new(waiting, known)
        stories = self._stories.assign([_told(each) for each in new if each.alert.kind == "article"])
        by_story = {
            each.id: alert_id(each.alert, stories[each.alert.article_id]) if each.alert.kind == "article" else each.id
            for each in new
        }
        before = {each.id: had for each in new if (had := known[each.id].partition(":")[2])}
        alerts = self._alerts(sorted({*by_story.values(), *before.values()}))
        # An edit stays in the alert that has the article, also where a Redis that lost its tail forgot the story.
        owners = by_story | {id_: had for id_, had in before.items() if alerts[had].alert}
        now = datetime.now(UTC)
        fresh: list[Alert] = []
        revisions: list[Alert] = []
        for each in new:
            owner = alerts[owners[each.id]]
            story = owner.alert.story if owner.alert else stories.get(each.alert.article_id, "")
            merged = merge(owner.alert, each.alert, story, now)
            if merged is not None:
                owner.alert = merged
                revisions.append(merged)
                fresh.append(each.alert)
        if not self._write(waiting, known, [(each, owners[each.id]) for each in new], revisions, alerts):
            return False
        self._observe(fresh, revisions)
        return True

    def _known(self, waiting: Sequence[_Waiting]) -> Mapping[str, str]:
        """What the feed knows of each match: revision of its article, and the alert that has it."""
        if not waiting:
            return {}
        ids = sorted({each.id for each in waiting})
        with answers():
            return {
                id_: text or NOWHERE
                for id_, text in zip(ids, self._client.hmget(self._keys.feed_matches, ids), strict=True)
            }

    @staticmethod
    def _new(waiting: Sequence[_Waiting], known: Mapping[str, str]) -> list[_Waiting]:
        """Those that the feed does not have, in this or a later revision of the article."""
        newest: dict[str, int] = {}
        new = []
        for each in waiting:
            revision = int(known[each.id].partition(":")[0])
            if each.alert.article_revision > newest.get(each.id, revision):
                newest[each.id] = each.alert.article_revision
                new.append(each)
        return new

    def _alerts(self, ids: Sequence[str]) -> Mapping[str, _Merged]:
        """The alerts as the feed has them."""
        if not ids:
            return {}
        with answers():
            # In one step: between two questions another relay may move an alert, and a tail be lost.
            found = self._standing(keys=[self._keys.feed, self._keys.feed_ids], args=list(ids))
        alerts = {}
        for id_, place, text in zip(ids, found[::2], found[1::2], strict=True):
            alerts[id_] = _Merged(place, msgspec.json.decode(text, type=Alert) if text else None)
        return alerts

    def _write(
        self,
        waiting: Sequence[_Waiting],
        known: Mapping[str, str],
        new: Sequence[tuple[_Waiting, str]],
        revisions: Sequence[Alert],
        alerts: Mapping[str, _Merged],
    ) -> bool:
        sending = [{"id": alert.id, "alert": msgspec.json.encode(alert).decode()} for alert in revisions]
        newest: dict[str, str] = {}
        for one in reversed(sending):  # the one that was changed last first
            newest.setdefault(one["id"], one["alert"])
        call = {
            "kept": self._kept,
            "sending": sending,
            # Also where nothing was new: what was read must still be so, or a match would leave the inbox for nowhere.
            "known": [{"id": id_, "known": text} for id_, text in known.items()],
            "read": [{"id": owner, "place": alerts[owner].place} for owner in sorted({owner for _, owner in new})],
            "alerts": [
                {"id": id_, "place": alerts[id_].place, "alert": alert} for id_, alert in reversed(newest.items())
            ],
            "matches": [
                {
                    "id": each.id,
                    "revision": f"{each.alert.article_revision}:{owner}",
                    "alert": owner,
                }
                for each, owner in new
            ],
            "done": [each.place for each in waiting],
        }
        keys = self._keys
        names = [
            keys.feed_inbox,
            keys.feed,
            keys.feed_ids,
            keys.feed_matches,
            keys.feed_of,
            keys.feed_trimmed,
            keys.feed_sending,
        ]
        with answers():
            return bool(self._relay(keys=names, args=[msgspec.msgpack.encode(call)]))

    def _observe(self, matches: Sequence[Alert], revisions: Sequence[Alert]) -> None:
        now = time.time()
        for alert in revisions:
            if alert.revision > 1:
                self._metrics.alert_updates.inc()
                continue
            self._metrics.alerts.labels(alert.severity).inc()
            for actor in alert.actors:
                self._metrics.actor_alerts.labels(self._metrics.bounded("actor", actor.id)).inc()
        for match in matches:
            if match.received_ms:
                self._metrics.ingest_to_alert.observe(max(0.0, now - match.received_ms / 1000))
            if match.published is not None:
                self._metrics.publish_to_alert.observe(max(0.0, now - match.published.timestamp()))


def _told(waiting: _Waiting) -> Told:
    match = waiting.alert
    return Told(
        article_id=match.article_id,
        sketch=waiting.sketch,
        language=match.language,
        first_seen=match.first_seen or match.raised,
    )
