"""How `make test` shares the tests out over its workers (pytest-xdist): in lanes, each run by one worker, in order.

A server that a fixture starts for the session is one per worker, so files that use the same one are one lane. A file in
a lane of its own by mistake costs the start of one more server, and nothing else.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler.loadscope import LoadScopeScheduling

SHARED = {
    "the shared Kafka": tuple(
        f"tests/live/test_kafka_{name}.py" for name in ("broker_contract", "joining", "path", "producer")
    ),
    "the shared API server": ("tests/consumers/api/",),
    "the shared page": ("tests/page/",),
}
"""Lanes of several files: those that use one server."""

LONGEST_FIRST = (
    "tests/live/test_chaos.py",
    *SHARED["the shared Kafka"],
    "tests/live/",
    "tests/page/",
    "tests/wirewatch/",
    "tests/consumers/delivery/",
    "tests/consumers/api/",
    "tests/house/test_linters.py",
    "tests/simulation/",
    "tests/test_",
)
"""So that no worker has a long lane left when the others are done. What is not named comes later, as it was found."""


def lane(nodeid: str) -> str:
    """The lane of a test: the server that its file shares with others, else its file."""
    return next((name for name, files in SHARED.items() if nodeid.startswith(files)), nodeid.partition("::")[0])


def rank(nodeid: str) -> int:
    """What tests are sorted by."""
    return next((n for n, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start)), len(LONGEST_FIRST))


class Lanes(LoadScopeScheduling):
    """Gives the next lane to the worker that has almost finished its own."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False  # the order of the tests is that of the lanes
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid)
