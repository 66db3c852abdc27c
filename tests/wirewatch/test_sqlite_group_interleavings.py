"""Members of a group on the embedded log join, read, commit, leave and vanish in any order: nothing is ever lost."""

from __future__ import annotations

import tempfile
from contextlib import closing, suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from wirewatch.broker import TopicPartition, TopicSpec
from wirewatch.errors import Rebalanced
from wirewatch.sqlite_broker import SqliteBroker, SqliteConsumer

TOPIC, GROUP, PARTITIONS = "t", "g", 2
MEMBERS_MAX = 3
# Each step waits for the disk, and that the disk keeps its word is not what is tried here.
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


class Interleavings(RuleBasedStateMachine):
    """The model: what was written per partition, and what any member that committed had read before."""

    members = Bundle("members")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.broker = SqliteBroker(Path(self.folder.name) / "log.sqlite3")
        self.admin = self.broker.admin()
        self.admin.create_topics([TopicSpec(TOPIC, PARTITIONS, -1)])
        self.producer = self.broker.producer()
        self.written = dict.fromkeys(range(PARTITIONS), 0)
        self.done: dict[int, set[int]] = {partition: set() for partition in range(PARTITIONS)}
        self.read: dict[int, dict[TopicPartition, list[int]]] = {}

    @rule(partition=st.integers(0, PARTITIONS - 1), records=st.integers(1, 5))
    def write(self, partition: int, records: int) -> None:
        for _ in range(records):
            self.producer.send(TOPIC, b"%d" % self.written[partition], partition=partition)
            self.written[partition] += 1
        self.producer.flush()

    @rule(target=members)
    def join(self) -> object:
        if len(self.read) >= MEMBERS_MAX:
            return multiple()
        consumer = self.broker.consumer(GROUP, [TOPIC])
        self.read[id(consumer)] = {}
        return consumer

    @rule(consumer=members, messages_max=st.integers(1, 4))
    def poll(self, consumer: SqliteConsumer, messages_max: int) -> None:
        consumer._beat_due = 0.0  # as if a second had passed
        for where, messages in consumer.poll(0.0, messages_max).items():
            offsets = [message.offset for message in messages]
            assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
            assert [message.value for message in messages] == [b"%d" % offset for offset in offsets]
            before = self.read[id(consumer)].get(where, [])
            goes_on = bool(before) and offsets[0] == before[-1] + 1
            # After a change of the group it starts at the committed position; it never jumps ahead.
            assert goes_on or not before or offsets[0] <= self.committed(where)
            self.read[id(consumer)][where] = before + offsets if goes_on else offsets

    @rule(consumer=members)
    def commit(self, consumer: SqliteConsumer) -> None:
        batch = self.read[id(consumer)]
        if batch:
            before = self.admin.committed(GROUP, TOPIC)
            with suppress(Rebalanced):
                consumer.commit({where: offsets[-1] + 1 for where, offsets in batch.items()})
                for where, offsets in batch.items():
                    self.done[where.partition].update(offsets)
            after = self.admin.committed(GROUP, TOPIC)
            assert all(after[partition] >= offset for partition, offset in before.items()), "the group went back"
            batch.clear()

    @rule(consumer=consumes(members))
    def leave(self, consumer: SqliteConsumer) -> None:
        del self.read[id(consumer)]
        consumer.close()

    def committed(self, where: TopicPartition) -> int:
        return self.admin.committed(GROUP, TOPIC).get(where.partition, 0)

    def teardown(self) -> None:
        """A last member reads what the group has not committed; with what was committed, that is everything."""
        if not hasattr(self, "folder"):
            return
        for partition, first in self.admin.committed(GROUP, TOPIC).items():
            assert set(range(first)) <= self.done[partition]
        with closing(self.broker.consumer("last", [TOPIC], self._positions)) as last:
            left = sum(self.written.values()) - sum(self.admin.committed(GROUP, TOPIC).values())
            assert sum(map(len, last.poll(0.0, 10_000).values())) == left
        self.producer.close()
        self.admin.close()
        self.folder.cleanup()

    def _positions(self, partitions: frozenset[TopicPartition]) -> dict[TopicPartition, int]:
        return {where: self.committed(where) for where in partitions}


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
