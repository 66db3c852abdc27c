"""Two repairs of ``poll`` in kafka-python 3.0.12, which is pinned; tests on a real broker stand over them.

*Parked records.* Records that are half read when their partition is paused are parked, and read on when it is resumed
and nothing else is in line. ``Fetcher.fetched_records`` looks for that with ``is None``, but leaves records that are
read to their end in line: the parked ones then come back only when some fetch is discarded, and as nothing more is
fetched of their partitions meanwhile, these stand still while the others flow (seen: for ever, in a kill campaign).

*Late heartbeats.* ``poll`` waits no longer than until the next heartbeat is due. That is a remnant: heartbeats go out
on the client's own thread. While one is not answered, as on a connection that has gone silent, it is due at once, so
``poll`` turns thousands of times a second, and each turn leaves a waiter on the fetch under way (seen: 560 MB in 30 s).
"""

from __future__ import annotations

import math
from typing import Any


def repair_poll(client: Any) -> None:
    """Both, for one KafkaConsumer with a group."""
    fetcher = client._fetcher  # noqa: SLF001 - there is no public way
    fetched_records = fetcher.fetched_records

    def fetched(*arguments: Any, **options: Any) -> Any:
        if not fetcher._next_partition_records:  # noqa: SLF001 - false once it is read to its end
            fetcher._next_partition_records = None  # noqa: SLF001
        return fetched_records(*arguments, **options)

    fetcher.fetched_records = fetched
    client._coordinator.time_to_next_poll = lambda: math.inf  # noqa: SLF001
