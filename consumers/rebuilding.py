"""Empties the counters so that the log is counted again: holds every partition, deletes, releases them at the start.

While a partition is held (``held`` at its position) no member's batch is applied; members wait and try again. A release
puts the position to the first record that the log holds (``start``), forgets who has claimed it, and leaves ``raised``:
alerts of article records below it have been raised, and a replay does not raise them again. Outbox and feed stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from consumers.keys import Keys
from wirewatch.broker import TopicPartition
from wirewatch.redis_client import Client, answers

HOLD = Path(__file__).with_name("hold.lua").read_text("utf-8")
_KEYS_PER_STEP = 500
_GLOB = re.compile(r"([*?\[\]\\])")


def hold(client: Client, keys: Keys, partitions: Sequence[TopicPartition]) -> None:
    """From now on nobody's batch is applied. Raises StoreUnavailable; repeating is safe."""
    script = client.register_script(HOLD)
    for where in partitions:
        with answers():
            script(keys=[keys.position(*where)])


def empty(client: Client, keys: Keys, partitions: Sequence[TopicPartition]) -> Iterator[int]:
    """Delete the counters and the ids seen of these partitions, in small steps; yields how many keys each one took.

    Only keys of these partitions, and never their positions or outboxes. Hold them first. Raises StoreUnavailable;
    repeating is safe.
    """
    kept = {keys.position(*where) for where in partitions} | {keys.outbox(where.partition) for where in partitions}
    tags = tuple(keys.position(*where).removesuffix("off") for where in partitions)
    pattern = _GLOB.sub(r"\\\1", keys.prefix) + ":{*"
    cursor = 0
    while True:
        with answers():
            cursor, names = client.scan(cursor, match=pattern, count=_KEYS_PER_STEP)
            doomed = [name for name in names if name.startswith(tags) and name not in kept]
            if doomed:
                with client.pipeline(transaction=False) as pipe:
                    for name in doomed:  # one by one: they may lie in different slots
                        pipe.unlink(name)
                    pipe.execute()
        yield len(doomed)
        if not cursor:
            return


def release(client: Client, keys: Keys, starts: Mapping[TopicPartition, int]) -> None:
    """Let the partitions be counted again from these offsets on. Raises StoreUnavailable; repeating before anything
    was counted is safe."""
    for where, start in starts.items():
        name = keys.position(*where)
        with answers(), client.pipeline(transaction=True) as pipe:
            pipe.hset(name, mapping={"next": start, "start": start})
            pipe.hdel(name, "src", "day", "generation", "member", "held")
            pipe.execute()
