"""What the service keeps in Redis, all of it in one slot:

ww:{volume}:lease    string  who evaluates the volume rules; expires
ww:{volume}:opened   hash    rule, version and subject → Opened (JSON): what was raised and is not over
ww:{volume}:mark     hash    applied, at: how many records the counters stood for at the last turn, and when
ww:{volume}:outbox   stream  alerts that no relay has taken yet
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from consumers.keys import Keys
from consumers.volume.evaluation import Opened, Outcome
from wirewatch.redis_client import Client, answers

_TURN = Path(__file__).with_name("turn.lua").read_text("utf-8")
_LEASE = (Path(__file__).parents[1] / "delivery" / "lease.lua").read_text("utf-8")
# The same for as long as this process lives, so that who was cut off from Redis finds its own lease.
_PROCESS = f"{os.getpid()}-{secrets.token_hex(8)}"
_AT_ONCE_MAX = 500


class Desk:
    """One process at the desk: who holds the lease works at it. Every method raises StoreUnavailable."""

    def __init__(self, client: Client, keys: Keys, lease_seconds: float) -> None:
        self._client = client
        self._lease_ms = max(1, int(lease_seconds * 1000))
        self._holder = f"{_PROCESS}-{threading.get_ident()}"
        self._turn = client.register_script(_TURN)
        self._lease = client.register_script(_LEASE)
        outbox = keys.volume_outbox
        self._outbox = outbox
        self._lease_key, self._opened_key, self._mark_key = (
            outbox.removesuffix("outbox") + name for name in ("lease", "opened", "mark")
        )

    def hold(self) -> bool:
        """Whether we hold the lease, from now on for its whole length."""
        with answers():
            return bool(self._lease(keys=[self._lease_key], args=[self._holder, self._lease_ms]))

    def give_back(self) -> None:
        """Let another one take it at once. Does nothing when we do not hold it."""
        with answers():
            self._lease(keys=[self._lease_key], args=[self._holder, 0])

    def opened(self) -> Mapping[str, Opened]:
        """What is open."""
        with answers():
            found = self._client.hgetall(self._opened_key)
        return {key: msgspec.json.decode(value, type=Opened) for key, value in found.items()}

    def keep(self, outcome: Outcome) -> bool:
        """Write what changed and the alerts in one step; False, and nothing is written, without the lease.

        Repeating after StoreUnavailable is safe: the alerts have the same ids. Many are written in several steps, each
        of which is whole: an alert and its being open are never apart.
        """
        alerts = {alert.id: alert for alert in outcome.alerts}
        changes = list(outcome.opened.items())
        for start in range(0, max(1, len(changes)), _AT_ONCE_MAX):
            part = changes[start : start + _AT_ONCE_MAX]
            arguments: list[str | int] = [self._holder, len(part)]
            for subject, state in part:
                arguments += (subject, msgspec.json.encode(state).decode() if state else "")
            for _, state in part:
                if state:
                    arguments += (state.alert, msgspec.json.encode(alerts[state.alert]).decode())
            with answers():
                if not self._turn(keys=[self._lease_key, self._opened_key, self._outbox], args=arguments):
                    return False
        return True

    def mark(self) -> tuple[int, datetime] | None:
        """How many records the counters stood for when that was last written, and when; None for never."""
        with answers():
            applied, at = self._client.hmget(self._mark_key, "applied", "at")
        return (int(applied), datetime.fromtimestamp(float(at), UTC)) if applied else None

    def set_mark(self, applied: int, at: datetime) -> None:
        """Write that."""
        with answers():
            self._client.hset(self._mark_key, mapping={"applied": applied, "at": at.timestamp()})
