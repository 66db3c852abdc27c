"""How far the published articles have come: what `up --once` and the benchmark wait for, and show while they wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wirewatch.broker import TopicPartition
from wirewatch.cli.wiring import open_broker
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.stage import Context, PathStage, Relay, Service, Sink, Stage, Transform, group_of
from wirewatch.topics import Topic


@dataclass(frozen=True, slots=True)
class Reached:
    """Records that a stage is through with, of those that its topics hold by now."""

    stage: str
    done: int
    total: int


def settled(found: Sequence[Reached]) -> bool:
    """Whether nothing is left to do."""
    return all(entry.done >= entry.total for entry in found)


class ArticlePath:
    """Looks at the stages from outside, in the order given, which is the order of the path; services are not on it."""

    def __init__(self, stages: Sequence[Stage], settings: Settings) -> None:
        self._admin = open_broker(settings).admin()
        self._closing: list[Callable[[], None]] = [self._admin.close]
        context = Context(settings=settings, metrics=Metrics())
        self._looks = [
            (stage.name, self._look_at(stage, context)) for stage in stages if not isinstance(stage, Service)
        ]

    def reached(self) -> list[Reached]:
        """One entry per stage. Raises BrokerUnavailable, StoreUnavailable.

        When every entry is done at once, all that was on ``articles.v1`` before the call has gone the whole way: a
        stage moves on only after its output is acknowledged, and each is looked at after the ones before it.
        """
        return [Reached(name, *look()) for name, look in self._looks]

    def close(self) -> None:
        """Close the clients."""
        for close in self._closing:
            close()

    def _look_at(self, stage: PathStage, context: Context) -> Callable[[], tuple[int, int]]:
        if isinstance(stage, Relay):
            outbox = stage.open(context)
            self._closing.append(outbox.close)
            return lambda: (0, sum(outbox.lag().values()))
        if isinstance(stage, Sink):
            # Its store says where it stands; what it committed to the broker may be of another store's time.
            store = stage.open(context)
            self._closing.append(store.close)
            return lambda: self._progress(stage.reads, store.positions)
        return lambda: self._progress((stage.reads,), lambda _: self._committed(stage))

    def _committed(self, stage: Transform[object, object]) -> Mapping[TopicPartition, int]:
        topic = stage.reads.name
        committed = self._admin.committed(group_of(stage), topic)
        return {TopicPartition(topic, partition): offset for partition, offset in committed.items()}

    def _progress(
        self,
        topics: Sequence[Topic[object]],
        positions: Callable[[frozenset[TopicPartition]], Mapping[TopicPartition, int]],
    ) -> tuple[int, int]:
        ends = {
            TopicPartition(topic.name, partition): held
            for topic in topics
            for partition, held in self._admin.offsets(topic.name).items()
        }
        reached = positions(frozenset(ends))
        total = sum(following - first for first, following in ends.values())
        left = sum(following - max(first, reached.get(where, first)) for where, (first, following) in ends.items())
        return total - left, total
