"""What a stage is: a value that declares what it reads and writes, and opens to a function over batches.

Four kinds. A *Transform* turns each source record into exactly one output record at the same partition number, so a gap
is visible downstream. A *Sink* applies records to a store that keeps the consumed offset beside its data, so that a
repeat changes nothing. A *Relay* empties an outbox into a topic. A *Service* follows a store or the clock. The runner
drives them all; but for a service, a stage does no polling, committing or dead-lettering of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from wirewatch.broker import Consumer, Membership, Message, TopicPartition
from wirewatch.errors import Rejected
from wirewatch.records import Status
from wirewatch.topics import Topic

if TYPE_CHECKING:
    from wirewatch.metrics import Metrics
    from wirewatch.settings import Settings

In = TypeVar("In")
Out = TypeVar("Out")
Given = TypeVar("Given", covariant=True)


@dataclass(frozen=True, slots=True)
class Received(Generic[In]):
    """A decoded record and the message that carried it."""

    record: In
    message: Message


@dataclass(frozen=True, slots=True)
class Marked:
    """Stands for a source record that was rejected, so that its offset still has one output record."""

    message: Message
    status: Status
    reason: str


class Apply(Protocol[In, Given]):
    """A Transform's work, opened: pure but for what it loaded."""

    def __call__(self, batch: Sequence[Received[In]], /) -> Sequence[Given | Rejected]:
        """One result per item, in order. A Rejected result dead-letters that item alone.

        Raises only for faults of ours: the runner then ends the process with nothing of the batch committed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a stage may use to open itself."""

    settings: Settings
    metrics: Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform(Generic[In, Out]):
    """One record in, one record out, same partition number."""

    name: str
    summary: str
    reads: Topic[In]
    writes: Topic[Out]
    open: Callable[[Context], Apply[In, Out]]
    mark: Callable[[Marked], Out]
    key: Callable[[Out], str | None]
    dead_letters_undecodable: bool
    """True for exactly one reader of a topic, so that an undecodable record is dead-lettered once."""
    apart: str | None = None
    """``module:attribute`` of this stage where its work is slow or dangerous: worker processes import and open it by
    that name, and the process that holds the broker's clients never does."""
    observe: Callable[[Context], Callable[[Out], None]] | None = None
    """Opens what is told of every output that is written, in the process that serves the metrics."""


class Store(Protocol[In]):
    """A Sink's work, opened: applies a batch of one partition and its offset in one atomic step."""

    def positions(self, partitions: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The next offset to read, per partition that the store has ever applied. Raises StoreUnavailable."""
        ...

    def claim(self, partition: TopicPartition, owner: Membership, *, force: bool = False) -> bool:
        """Make ``owner`` the one whose batches of ``partition`` are applied; what other members send is then refused.

        False, and nothing is changed, where a later generation, or another member of this one, has claimed it.
        ``force`` claims all the same: only for a member that the broker has just verified, as a group that was deleted
        starts its generations again. Either way batches that this process applies are from now on sent as ``owner``'s.
        An extra: what keeps counts exact is the position. Raises StoreUnavailable; repeating is safe.
        """
        ...

    def apply(self, partition: TopicPartition, expected: int, following: int, batch: Sequence[Received[In]]) -> int:
        """Apply the batch if the stored position is ``expected``, and store ``following``.

        Returns the stored position after the call: ``following`` when this batch is applied (now, or by an earlier
        call whose reply was lost); anything else means nothing was applied and the caller must seek there.
        Raises StoreUnavailable; repeating with the same arguments is then safe. Raises Fenced when the partition is
        claimed by another member than the one that this process claimed it for.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink(Generic[In]):
    """Records in, effects in a store out."""

    name: str
    summary: str
    reads: tuple[Topic[Any], ...]
    open: Callable[[Context], Store[In]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay(Generic[Out]):
    """Moves records from an outbox in a store to a topic, at least once, in order."""

    name: str
    summary: str
    writes: Topic[Out]
    open: Callable[[Context], Consumer]
    """The outbox, read like a log: ``commit`` is called only after the topic acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Work that follows a store or the clock, no topic. Several may run: leases in the store tell who works."""

    name: str
    summary: str
    reads: str
    writes: str
    """What it follows and what it changes, for people."""
    run: Callable[[Context, threading.Event, Callable[[], None]], None]
    """Works until the event is set, and calls the function at every turn of its loop, for the watchdog. Raises
    StoreUnavailable when the store is away: it is then called again, after a pause, until it answers."""


PathStage = Transform[Any, Any] | Sink[Any] | Relay[Any]
"""A stage on the path of an article: what is published has been processed once all of these are through."""
Stage = PathStage | Service


def group_of(stage: Stage) -> str:
    """The consumer group of a stage."""
    return f"wirewatch.{stage.name}"
