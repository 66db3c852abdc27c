"""A parsed feed, whatever format it had, and how many items of one are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from producers.accept import Piece
from wirewatch.errors import Rejected

ITEMS_MAX = 10_000
"""Of one feed: a few bytes make an item, and every bad one a dead letter."""


HUBS_MAX = 5


@dataclass(frozen=True, slots=True)
class Feed:
    """A parsed feed. ``source`` stands for items whose own link does not tell who published them.

    ``children``: addresses of the documents that this one is only an index of. ``hubs`` and ``topic``: where it says
    that one can subscribe to it, and by which address (WebSub).
    """

    title: str
    source: str | None
    language: str | None
    items: tuple[Piece, ...]
    children: tuple[str, ...] = ()
    hubs: tuple[str, ...] = ()
    topic: str | None = None


def bounded(pieces: Iterable[Piece], found: int) -> Iterator[Piece]:
    """The first ``ITEMS_MAX`` pieces; one rejection stands for all the others of the ``found`` ones."""
    yield from islice(pieces, ITEMS_MAX)
    if found > ITEMS_MAX:
        detail = f"{found - ITEMS_MAX:,} more items: at most {ITEMS_MAX:,} of one feed are taken"
        yield Piece(f"#{ITEMS_MAX}", Rejected("too-many-items", detail), b"")
