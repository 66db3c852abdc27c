"""What the counters must hold after a log, worked out record by record without Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from wirewatch.records import Mentions
from wirewatch.redis_client import Client
from wirewatch.stage import Received


class Oracle:
    """Counts a log of mentions of one partition, and lists the places of the alerts."""

    def __init__(self, log: Iterable[Received[Mentions]], seen_days: int) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.alerts: list[str] = []
        self._seen_days = seen_days
        self._last: dict[str, int] = {}
        self._day = 0
        self._watermark = 0
        for item in log:
            src = int(item.message.header("src.offset") or b"")
            if src >= self._watermark:
                self._watermark = src + 1
                self._count(item.record, src)

    def _count(self, record: Mentions, src: int) -> None:
        assert record.first_seen is not None
        day = f"{record.first_seen:%Y%m%d}"
        self._day = max(self._day, record.first_seen.toordinal())
        if record.status in ("ok", "none") and record.article_id:
            last = self._last.get(record.article_id)
            self._last[record.article_id] = self._day
            if last is not None and self._day - last <= self._seen_days:
                self.counts[f"totals:{day}", "dup"] += 1
                return
        self.counts[f"totals:{day}", record.status] += 1
        if record.status in ("ok", "none"):
            self.counts[f"heard:{day}", f"{record.first_seen:%H}\x1f{record.source}"] += 1
        if record.status != "ok":
            return
        self.alerts.append(f"{src + 1}-0")
        for actor in record.actors:
            self.counts[f"hour:{day}:{actor.id}", f"a{record.first_seen:%H}"] += 1
            self.counts[f"hour:{day}:{actor.id}", f"m{record.first_seen:%H}"] += len(actor.mentions)
            self.counts[f"source:{day}:{actor.id}", record.source] += 1
            self.counts[f"language:{day}:{actor.id}", record.language or "und"] += 1
            self.counts[f"actors:{day}", actor.id] += 1
        for pair in combinations(sorted(actor.id for actor in record.actors), 2):
            self.counts[f"pairs:{day}", "\x1f".join(pair)] += 1


def counted(client: Client) -> dict[tuple[str, str], int]:
    """All counters of mentions.v1 partition 0, as they stand in Redis."""
    found: dict[tuple[str, str], int] = {}
    for key in client.scan_iter("ww:{m0}:*"):
        kind = client.type(key)
        fields: dict[str, Any] = {}
        if kind == "hash" and not key.endswith(":off"):
            fields = client.hgetall(key)
        elif kind == "zset":
            fields = dict(client.zrange(key, 0, -1, withscores=True))
        found.update({(key.removeprefix("ww:{m0}:"), name): int(float(n)) for name, n in fields.items()})
    return found
