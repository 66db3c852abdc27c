"""Consumer groups of the embedded log: who is a member, which partitions are whose, and what is committed.

Membership is rows in the same file. Any change of members makes a new generation; a commit from an older one is
refused, exactly as Kafka does it, so a member that was taken for dead cannot move the group back.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from wirewatch.broker import TopicPartition
from wirewatch.errors import Rebalanced
from wirewatch.sqlite_log import SqliteLog, now_ms

# A member that died is seen at once by its process id; the time-out is for one that hangs, as Kafka's
# max.poll.interval.ms is.
SESSION_MS = 300_000


def assign(
    members: Mapping[str, Sequence[str]], partitions: Sequence[TopicPartition]
) -> dict[str, set[TopicPartition]]:
    """Share partitions out evenly, round robin, among the members that subscribe to their topic.

    Pure: every member computes the same answer from the same rows.
    """
    shares: dict[str, set[TopicPartition]] = {member: set() for member in members}
    for topic in sorted({partition.topic for partition in partitions}):
        takers = sorted(member for member, topics in members.items() if topic in topics)
        own = sorted(partition for partition in partitions if partition.topic == topic)
        for index, partition in enumerate(own):
            if takers:
                shares[takers[index % len(takers)]].add(partition)
    return shares


class Membership:
    """One member of one group."""

    def __init__(self, log: SqliteLog, group: str, topics: Sequence[str]) -> None:
        self._log = log
        self._group = group
        self._topics = tuple(topics)
        self.member = uuid.uuid4().hex
        self._process = f"{_pid_namespace()}:{os.getpid()}"
        self.generation = -1

    def beat(self) -> frozenset[TopicPartition] | None:
        """Say that we live and bury who does not; the new assignment if the group changed, else None."""
        with self._log.transaction() as connection:
            rows = connection.execute(
                "SELECT member, process, topics, expires_ms FROM members WHERE consumer_group = ?", (self._group,)
            ).fetchall()
            now = now_ms()
            living = {m: t.split("\n") for m, process, t, expires in rows if expires > now and _lives(process)}
            joined = self.member not in living
            living[self.member] = list(self._topics)
            for member in {row[0] for row in rows} - living.keys():
                connection.execute("DELETE FROM members WHERE consumer_group = ? AND member = ?", (self._group, member))
            connection.execute(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?)",
                (self._group, self.member, self._process, "\n".join(self._topics), now + SESSION_MS),
            )
            generation = self._generation()
            if joined or len(living) != len(rows):
                generation += 1
                connection.execute("INSERT OR REPLACE INTO consumer_groups VALUES (?, ?)", (self._group, generation))
        if generation == self.generation:
            return None
        self.generation = generation
        return frozenset(assign(living, self._partitions())[self.member])

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store positions. Raises Rebalanced when the group has a newer generation than ours."""
        with self._log.transaction() as connection:
            if self._generation() != self.generation:
                raise Rebalanced(f"group {self._group} has changed")
            connection.executemany(
                "INSERT OR REPLACE INTO commits VALUES (?, ?, ?)",
                [(self._group, self._log.partition_id(where), offset) for where, offset in offsets.items()],
            )

    def leave(self) -> None:
        """Give the partitions up at once."""
        with self._log.transaction() as connection:
            connection.execute(
                "DELETE FROM members WHERE consumer_group = ? AND member = ?", (self._group, self.member)
            )
            connection.execute(
                "INSERT OR REPLACE INTO consumer_groups VALUES (?, ?)", (self._group, self._generation() + 1)
            )

    def _generation(self) -> int:
        rows = self._log.query("SELECT generation FROM consumer_groups WHERE name = ?", (self._group,))
        return int(rows[0][0]) if rows else 0

    def _partitions(self) -> list[TopicPartition]:
        return [
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in range(self._log.partitions(topic))
        ]


def committed(log: SqliteLog, group: str, topic: str) -> Mapping[int, int]:
    """Per partition the group's committed offset; partitions without one are missing."""
    rows = log.query(
        "SELECT partition, commits.next_offset FROM commits JOIN partitions ON id = partition_id "
        "WHERE consumer_group = ? AND topic = ?",
        (group, topic),
    )
    return dict(rows)


def _pid_namespace() -> str:
    """Names the space that our process ids belong to: ids of another container say nothing about life or death."""
    link = Path("/proc/self/ns/pid")
    return str(link.readlink()) if link.exists() else "host"


def _lives(process: str) -> bool:
    namespace, _, pid = process.rpartition(":")
    return namespace != _pid_namespace() or psutil.pid_exists(int(pid))
