"""Where Redis keeps what people say about alerts: written by the API and the command line, read by the notifier.

    ww:{life}:silences      hash    silence id → Silence (JSON); expired ones stay for 5 days
    ww:{life}:acknowledged  hash    alert id → Acknowledgement (JSON), the newest 100,000
    ww:{life}:verdicts      hash    alert id → Verdict (JSON), the newest 100,000
    ww:{life}:acknowledged-at, verdicts-at
                            zset    alert id → when, milliseconds since the epoch
    ww:{life}:counts        hash    <value>:<rule> → verdicts, of all time
    ww:{life}:changes       string  how often any of it changed: a reader that saw this number need not read again
    ww:{life}:events        stream  what changed: alert → its id, or silence → its id; the newest few thousand

One hash tag, so that a transaction changes them together. Every method raises StoreUnavailable; repeating is safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from consumers.life.model import (
    VERDICTS,
    Acknowledgement,
    Life,
    Precision,
    Silence,
    Verdict,
    silencing,
)
from wirewatch.errors import UserError
from wirewatch.records import Alert
from wirewatch.redis_client import Client, answers

_SCRIPT = Path(__file__).with_name("verdict.lua").read_text("utf-8")
_EXPIRED_KEPT = timedelta(days=5)
_KEPT_MAX = 100_000
SILENCES_MAX = 1_000
"""That have not expired: each is asked for each alert."""

_EVENTS_KEPT = 5_000

Record = TypeVar("Record", Silence, Acknowledgement, Verdict)


def events_key(prefix: str) -> str:
    """The stream of what changed, for whoever shows it as it changes."""
    return f"{prefix}:{{life}}:events"


class LifeStore:
    """All that people have said. Safe to share between threads."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._verdict = client.register_script(_SCRIPT)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:{{life}}:{name}"

    def _changed(self, pipe: Any, what: str, id_: str) -> None:
        pipe.incr(self._key("changes"))
        pipe.xadd(events_key(self._prefix), {what: id_}, maxlen=_EVENTS_KEPT, approximate=True)

    def changes(self) -> int:
        """A number that grows with every change."""
        with answers():
            return int(self._client.get(self._key("changes")) or 0)

    def silences(self, now: datetime, *, expired: bool = False) -> tuple[Silence, ...]:
        """Those that are active or to come, and with ``expired`` those that ended lately; the newest first."""
        with answers():
            found = self._client.hvals(self._key("silences"))
        silences = [silence for data in found if (silence := _decoded(data, Silence))]
        kept = [each for each in silences if expired or each.state(now) != "expired"]
        return tuple(sorted(kept, key=lambda silence: (silence.created, silence.id), reverse=True))

    def silence(self, silence_id: str) -> Silence | None:
        """That silence, also an expired one for a while."""
        with answers():
            return _decoded(self._client.hget(self._key("silences"), silence_id), Silence)

    def put_silence(self, silence: Silence, now: datetime) -> None:
        """Keep it, in the place of the one with its id. Forgets silences that expired long ago.

        Raises UserError where there are too many.
        """
        kept = self.silences(now, expired=True)
        live = [each for each in kept if each.state(now) != "expired" and each.id != silence.id]
        if len(live) >= SILENCES_MAX:
            raise UserError(f"there are {SILENCES_MAX} silences, no more are taken: expire some of them first")
        gone = [each.id for each in kept if each.ends < now - _EXPIRED_KEPT and each.id != silence.id]
        with answers():
            pipe: Any = self._client.pipeline()
            pipe.hset(self._key("silences"), silence.id, _encoded(silence))
            if gone:
                pipe.hdel(self._key("silences"), *gone)
            self._changed(pipe, "silence", silence.id)
            pipe.execute()

    def expire_silence(self, silence_id: str, now: datetime) -> Silence | None:
        """End it now; returns it as it then is, or None where there is none. One that has expired stays as it is."""
        silence = self.silence(silence_id)
        if silence is None or silence.state(now) == "expired":
            return silence
        ended = msgspec.structs.replace(silence, starts=min(silence.starts, now), ends=now)
        self.put_silence(ended, now)
        return ended

    def acknowledge(self, alert_id: str, acknowledgement: Acknowledgement) -> None:
        """Keep it, in the place of an earlier one."""
        kept, order = self._key("acknowledged"), self._key("acknowledged-at")
        with answers():
            surplus = self._client.zcard(order) + 1 - _KEPT_MAX
            oldest = self._client.zrange(order, 0, surplus - 1) if surplus > 0 else []
            pipe: Any = self._client.pipeline()
            if oldest:
                pipe.hdel(kept, *oldest)
                pipe.zrem(order, *oldest)
            pipe.hset(kept, alert_id, _encoded(acknowledgement))
            pipe.zadd(order, {alert_id: _ms(acknowledgement.at)})
            self._changed(pipe, "alert", alert_id)
            pipe.execute()

    def withdraw(self, alert_id: str) -> bool:
        """Take the acknowledgement back; False where there was none."""
        with answers():
            pipe: Any = self._client.pipeline()
            pipe.hdel(self._key("acknowledged"), alert_id)
            pipe.zrem(self._key("acknowledged-at"), alert_id)
            self._changed(pipe, "alert", alert_id)
            return bool(pipe.execute()[0])

    def set_verdict(self, alert_id: str, verdict: Verdict) -> None:
        """Keep it, in the place of an earlier one, which counts no more."""
        self._judge(alert_id, _encoded(verdict), _ms(verdict.at), f"{verdict.value}:{verdict.rule}")

    def withdraw_verdict(self, alert_id: str) -> bool:
        """Take the verdict back, which counts no more; False where there was none."""
        return self._judge(alert_id, "", 0, "")

    def _judge(self, alert_id: str, verdict: str, at_ms: int, count: str) -> bool:
        keys = [self._key("verdicts"), self._key("verdicts-at"), self._key("counts")]
        with answers():
            done = self._verdict(keys=keys, args=[alert_id, verdict, at_ms, count, _KEPT_MAX])
            pipe: Any = self._client.pipeline()
            self._changed(pipe, "alert", alert_id)
            pipe.execute()
        return bool(done)

    def of(self, alerts: Sequence[Alert], now: datetime) -> list[Life]:
        """What has been said about each, in the order given; ``silences`` are those that mute it at ``now``."""
        if not alerts:
            return []
        silences = self.silences(now)
        ids = [alert.id for alert in alerts]
        with answers():
            pipe: Any = self._client.pipeline(transaction=False)
            pipe.hmget(self._key("acknowledged"), ids)
            pipe.hmget(self._key("verdicts"), ids)
            acknowledged, verdicts = pipe.execute()
        return [
            Life(
                acknowledged=_decoded(taken, Acknowledgement),
                verdict=_decoded(judged, Verdict),
                silences=tuple(silence.id for silence in silencing(silences, alert, now)),
            )
            for alert, taken, judged in zip(alerts, acknowledged, verdicts, strict=True)
        ]

    def precisions(self) -> dict[str, Precision]:
        """The verdicts per rule, by the rule's id; rules that nobody judged are not in it."""
        with answers():
            counts = self._client.hgetall(self._key("counts"))
        found: dict[str, dict[str, int]] = {}
        for name, count in counts.items():
            value, _, rule = name.partition(":")
            if value in VERDICTS:
                found.setdefault(rule, {})[value] = max(0, int(count))
        return {rule: Precision(rule=rule, **values) for rule, values in sorted(found.items()) if any(values.values())}


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _encoded(record: msgspec.Struct) -> str:
    return msgspec.json.encode(record).decode()


def _decoded(data: str | None, kind: type[Record]) -> Record | None:
    """The record as it was stored; None where there is none, or one that another version wrote otherwise."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError:
        return None
