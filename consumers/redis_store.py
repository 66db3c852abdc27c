"""Counters, seen ids and the alert outbox in Redis, changed together with the position that was consumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from consumers.applying import Call, Item, Keeping, Standing, prepare
from consumers.counters import COUNTED, tally
from consumers.keys import Keys
from consumers.matching import MATCHES_MAX, matches
from consumers.observing import Observer
from consumers.rules_in_use import RulesInUse
from wirewatch.broker import Membership, Message, TopicPartition
from wirewatch.errors import Fenced, StoreUnavailable
from wirewatch.metrics import Metrics
from wirewatch.records import Alert, Mentions
from wirewatch.redis_client import Client, address, answers, connect
from wirewatch.settings import Settings
from wirewatch.stage import Context, Received
from wirewatch.workers import SOURCE_OFFSET

MatchesFor = Callable[[Mentions, datetime], Sequence[Alert]]
"""What the rules in use make of an article."""
APPLY = Path(__file__).with_name("apply.lua").read_text("utf-8")
CLAIM = Path(__file__).with_name("claim.lua").read_text("utf-8")
log = structlog.get_logger(__name__)

_MISMATCH, _FENCED, _HELD = 0, 2, 3


class RedisStore:
    """The Store of the stage ``counters`` (see wirewatch/stage.py). One thread at a time may use it."""

    def __init__(
        self, client: Client, keys: Keys, settings: Settings, metrics: Metrics, matches_for: MatchesFor
    ) -> None:
        self._client = client
        self._keys = keys
        self._keeping = Keeping(settings.seen_days, settings.counters_days)
        self._observer = Observer(metrics)
        self._matches_for = matches_for
        self._script = client.register_script(APPLY)
        self._claim = client.register_script(CLAIM)
        self._owners: dict[TopicPartition, Membership] = {}
        self._standing: dict[TopicPartition, Standing] = {}

    def positions(self, partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The next offset to read, of the partitions that were ever applied. Raises StoreUnavailable, UserError."""
        known = {}
        for where in partitions:
            standing = self._read(where)
            if standing.next:
                known[where] = standing.next
        return known

    def claim(self, partition: TopicPartition, owner: Membership, *, force: bool = False) -> bool:
        """Have batches of other members refused from now on; False where a later member has claimed the partition.

        ``force``: whoever has it. Raises StoreUnavailable; repeating is safe.
        """
        self._owners[partition] = owner
        with answers():
            return bool(
                self._claim(keys=[self._keys.position(*partition)], args=[owner.generation, owner.member, int(force)])
            )

    def apply(self, partition: TopicPartition, expected: int, following: int, batch: Sequence[Received[Any]]) -> int:
        """Apply the batch if the partition stands at ``expected`` (0: nothing was ever applied), and move it on.

        Returns where the partition stands now: ``following`` when the batch is applied, by this call or by an earlier
        one whose answer was lost; anything else means that nothing was done and reading must go on there.
        Raises StoreUnavailable, also while a rebuild holds the partition; the same call may then be repeated.
        Raises Fenced when another member has claimed the partition.
        """
        standing = self._standing.pop(partition, Standing(-1))
        if standing.next != expected:
            standing = self._read(partition)
            if standing.next != expected:
                return standing.next
        now = datetime.now(UTC)
        items = [self._item(received, now) for received in batch]
        owner = self._owners.get(partition)
        call = prepare(self._keys, partition, standing, following, items, self._keeping, owner)
        return self._run(partition, following, batch, call)

    def _run(self, partition: TopicPartition, following: int, batch: Sequence[Received[Any]], call: Call) -> int:
        with answers():
            answer, position, *rest = self._script(keys=call.keys, args=[call.argument])
        if answer == _HELD:
            raise StoreUnavailable(
                f"a rebuild holds {partition.topic}/{partition.partition}; if none runs, "
                "run `wirewatch rebuild counters` again"
            )
        if answer == _FENCED:
            raise Fenced(f"{partition.topic}/{partition.partition} is claimed by another member")
        if answer == _MISMATCH:
            return int(position)
        self._standing[partition] = Standing(following, call.day)
        letters, gaps = rest
        self._observer.applied(partition, [received.record for received in batch], letters, int(gaps))
        return following

    def _item(self, received: Received[Any], now: datetime) -> Item:
        record, message = received.record, received.message
        offset, added = source_offset(message), tally(record, message.timestamp_ms)
        if not isinstance(record, Mentions) or record.status not in COUNTED:
            return Item(offset, added)
        matched = self._matches_for(record, now)
        if len(matched) == MATCHES_MAX:
            log.warning("an article matches more rules than are kept", article=record.article_id, kept=MATCHES_MAX)
        return Item(offset, added, matched, record.revision > 1, record.sketch)

    def _read(self, where: TopicPartition) -> Standing:
        with answers():
            position, day = self._client.hmget(self._keys.position(*where), "next", "day")
        return Standing(int(position or 0), int(day or 0))

    def close(self) -> None:
        """Close the connections. Nothing is pending between calls."""
        self._client.close()


def source_offset(message: Message) -> int:
    """The offset of the article record that ``message`` was made from; its own where no stage wrote one."""
    header = message.header(SOURCE_OFFSET)
    return int(header) if header is not None and header.isdigit() else message.offset


def open_store(context: Context) -> RedisStore:
    """The store of a stage: settings decide which Redis and which rules. Raises UserError for either, and
    StoreUnavailable."""
    settings = context.settings
    client = connect(address(settings))
    rules = RulesInUse(settings, client)
    return RedisStore(
        client,
        Keys(settings.redis_prefix),
        settings,
        context.metrics,
        lambda mentions, now: matches(rules.current(), mentions, now),
    )
