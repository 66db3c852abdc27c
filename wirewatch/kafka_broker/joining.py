"""Two repairs of joining a group in kafka-python 3.0.12, which is pinned; tests on a real broker stand over them.

*A join that finishes while nobody polls is kept, not thrown away.* Joining goes on in the client's own thread, and a
``poll`` that is shorter than the join gives up waiting. When the join then finishes before the next ``poll``,
``join_group_async`` finds a task that is done and sends a new JoinGroup instead of taking its result. That makes
another generation, which makes the other members join again, and two members can push each other around so for ever
(seen: over a minute on a busy machine). Here the task does not end before somebody waits for it.

*A join that has begun is finished.* ``need_rejoin`` also looks whether the topics have changed since the last join. A
change that is taken back while the join is under way, as by two metadata answers that cross, makes it say no again: the
partitions are given up and the heartbeats stopped, and no ``poll`` ever takes the join's result (seen: a stage that
stood still from its start on, one start in five on a busy machine).
"""

from __future__ import annotations

import time
from typing import Any

_LOOK_SECONDS = 0.005


def repair_joins(client: Any, seconds_max: float) -> None:
    """Both, for one KafkaConsumer with a group. After ``seconds_max`` a result that nobody asked for is let go."""
    coordinator = client._coordinator  # noqa: SLF001 - there is no public way
    join = coordinator._do_join_and_sync_async  # noqa: SLF001
    wait_for_join = coordinator.join_group_async
    need_rejoin = coordinator.need_rejoin
    waiting = 0

    async def join_until_taken() -> Any:
        assignment = await join()
        deadline = time.monotonic() + seconds_max
        while not waiting and time.monotonic() < deadline:
            await coordinator._net.sleep(_LOOK_SECONDS)  # noqa: SLF001 - on the client's own loop
        return assignment

    async def wait(timeout_ms: float | None = None) -> Any:
        nonlocal waiting
        waiting += 1
        try:
            return await wait_for_join(timeout_ms=timeout_ms)
        finally:
            waiting -= 1

    coordinator._do_join_and_sync_async = join_until_taken  # noqa: SLF001
    coordinator.join_group_async = wait
    # ``rejoining``: from when the partitions are given up until a join has succeeded.
    coordinator.need_rejoin = lambda: coordinator.rejoining or need_rejoin()
