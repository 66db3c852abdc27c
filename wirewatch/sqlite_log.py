"""A durable, partitioned log in one SQLite file (WAL): the storage below the embedded broker.

Several processes of one machine may use the file at once. A record's place is one integer, partition id × 2^40 +
offset, so that a partition is a range of the table's own B-tree and no second index is needed.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from wirewatch.broker import Headers, Message, TopicPartition, TopicSpec
from wirewatch.errors import BrokerUnavailable, UserError

_OFFSETS_PER_PARTITION = 1 << 40
_BUSY_SECONDS_MAX = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, retention_ms INTEGER NOT NULL,
    first_offset INTEGER NOT NULL DEFAULT 0, next_offset INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
CREATE TABLE IF NOT EXISTS log (
    place INTEGER PRIMARY KEY, timestamp_ms INTEGER NOT NULL, key BLOB, value BLOB NOT NULL, headers BLOB);
CREATE TABLE IF NOT EXISTS commits (
    consumer_group TEXT NOT NULL, partition_id INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, partition_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS consumer_groups (name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    consumer_group TEXT NOT NULL, member TEXT NOT NULL, process TEXT NOT NULL, topics TEXT NOT NULL,
    expires_ms INTEGER NOT NULL, PRIMARY KEY (consumer_group, member)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to append."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Headers


def now_ms() -> int:
    """The clock of the log: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class SqliteLog:
    """One connection to the file. Not safe to share between threads without a lock around each call."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _answering():
            self.connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
            )
            self.connection.execute("PRAGMA journal_mode = WAL")
            # FULL: an acknowledged record survives a power cut, not only the death of the process.
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.executescript(_SCHEMA)
        self._ids: dict[TopicPartition, int] = {}

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction. Raises BrokerUnavailable when the file is locked too long, full or broken."""
        with _answering():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a read."""
        with _answering():
            return self.connection.execute(sql, parameters).fetchall()

    def data_version(self) -> int:
        """Changes whenever another connection has committed: a cheap way to see whether to look again."""
        return int(self.query("PRAGMA data_version")[0][0])

    def create(self, specs: Iterable[TopicSpec]) -> list[str]:
        """Create missing topics; the names created. Raises UserError on another number of partitions."""
        created = []
        with self.transaction() as connection:
            for spec in specs:
                (existing,) = connection.execute(
                    "SELECT count(*) FROM partitions WHERE topic = ?", (spec.name,)
                ).fetchone()
                if existing == spec.partitions:
                    continue
                if existing:
                    raise UserError(
                        f"topic {spec.name} has {existing} partitions, not {spec.partitions}: "
                        f"set WIREWATCH_PARTITIONS={existing}, or use another data folder"
                    )
                connection.executemany(
                    "INSERT INTO partitions (topic, partition, retention_ms) VALUES (?, ?, ?)",
                    [(spec.name, partition, spec.retention_ms) for partition in range(spec.partitions)],
                )
                created.append(spec.name)
        return created

    def partitions(self, topic: str) -> int:
        """Number of partitions; 0 when there is no such topic."""
        return int(self.query("SELECT count(*) FROM partitions WHERE topic = ?", (topic,))[0][0])

    def partition_id(self, where: TopicPartition) -> int:
        """The id of a partition. Raises UserError when there is no such topic or partition."""
        if where not in self._ids:
            rows = self.query("SELECT id FROM partitions WHERE topic = ? AND partition = ?", where)
            if not rows:
                raise UserError(
                    f"there is no partition {where.partition} of topic {where.topic}: run `wirewatch topics create`"
                )
            self._ids[where] = rows[0][0]
        return self._ids[where]

    def offsets(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Per partition: first offset held and next offset to be written."""
        rows = self.query("SELECT partition, first_offset, next_offset FROM partitions WHERE topic = ?", (topic,))
        return {partition: (first, following) for partition, first, following in rows}

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Append all in one durable transaction; their offsets, in order."""
        stamp = now_ms()
        ids = [self.partition_id(TopicPartition(entry.topic, entry.partition)) for entry in entries]
        with self.transaction() as connection:
            marks = ",".join("?" * len(set(ids)))
            following = dict(
                connection.execute(f"SELECT id, next_offset FROM partitions WHERE id IN ({marks})", tuple(set(ids)))  # noqa: S608
            )
            rows, offsets = [], []
            for partition_id, entry in zip(ids, entries, strict=True):
                offset = following[partition_id]
                following[partition_id] = offset + 1
                offsets.append(offset)
                rows.append((_place(partition_id, offset), stamp, entry.key, entry.value, _packed(entry.headers)))
            connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", rows)
            connection.executemany(
                "UPDATE partitions SET next_offset = ? WHERE id = ?", [(n, i) for i, n in following.items()]
            )
        return offsets

    def read(self, where: TopicPartition, start: int, messages_max: int) -> list[Message]:
        """Messages from offset ``start`` on, in order."""
        partition_id = self.partition_id(where)
        rows = self.query(
            "SELECT place, timestamp_ms, key, value, headers FROM log WHERE place >= ? AND place < ? "
            "ORDER BY place LIMIT ?",
            (_place(partition_id, start), _place(partition_id + 1, 0), messages_max),
        )
        base = _place(partition_id, 0)
        return [
            Message(where.topic, where.partition, place - base, stamp, key, value, _unpacked(headers))
            for place, stamp, key, value, headers in rows
        ]

    def drop_expired(self, now: int) -> int:
        """Delete records past their topic's retention, oldest first; how many went. Repeating is safe."""
        dropped = 0
        with self.transaction() as connection:
            kept = connection.execute(
                "SELECT id, first_offset, next_offset, retention_ms FROM partitions WHERE retention_ms >= 0"
            ).fetchall()
            for partition_id, first, following, retention_ms in kept:
                row = connection.execute(
                    "SELECT min(place) FROM log WHERE place >= ? AND place < ? AND timestamp_ms >= ?",
                    (_place(partition_id, first), _place(partition_id, following), now - retention_ms),
                ).fetchone()
                start = following if row[0] is None else row[0] - _place(partition_id, 0)
                if start <= first:
                    continue
                dropped += start - first
                connection.execute(
                    "DELETE FROM log WHERE place >= ? AND place < ?",
                    (_place(partition_id, first), _place(partition_id, start)),
                )
                connection.execute("UPDATE partitions SET first_offset = ? WHERE id = ?", (start, partition_id))
        return dropped

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        self.connection.close()


def _place(partition_id: int, offset: int) -> int:
    return partition_id * _OFFSETS_PER_PARTITION + offset


def _packed(headers: Headers) -> bytes | None:
    return msgspec.msgpack.encode(headers) if headers else None


_headers_decoder = msgspec.msgpack.Decoder(Headers)


def _unpacked(headers: bytes | None) -> Headers:
    return _headers_decoder.decode(headers) if headers else ()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BrokerUnavailable(f"the embedded log did not answer: {error}") from error
