"""The campaign's producer: a process that may be killed at any time, and writes down what the broker acknowledged.

Run as ``python -m wirewatch.chaos.producer FOLDER``. It reads ``records.jsonl``, sends as many of them as the file
``allowed`` says, appends each acknowledgement to ``journal.jsonl`` (with fsync), and sends again what has none.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from wirewatch.broker import Delivery, Producer
from wirewatch.errors import BrokerUnavailable
from wirewatch.topics import ARTICLES

RECORDS, ALLOWED, JOURNAL = "records.jsonl", "allowed", "journal.jsonl"
_BATCH = 50
_LOOK_SECONDS = 0.02


class Record(msgspec.Struct, frozen=True):
    """What is to be written to articles.v1. ``article``: id of a sound article, None where it is malformed.
    ``ends_worker``: it ends the worker process that extracts its entities."""

    key: bytes
    value: bytes
    article: str | None
    ends_worker: bool = False


class Acknowledged(msgspec.Struct, frozen=True):
    """Record number ``n`` is at this place, the broker says."""

    n: int
    partition: int
    offset: int


class Journal:
    """Reads ``journal.jsonl`` while the producer writes it, each line once; a line that a kill cut off is none."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / JOURNAL
        self._read_bytes = 0
        self.entries: list[Acknowledged] = []
        self.acknowledged: set[int] = set()
        """Numbers of the records that are acknowledged."""
        self.ends: dict[int, int] = {}
        """Per partition: the offset after the last acknowledged one."""

    def read(self) -> None:
        """Take in what came since the last call."""
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            file.seek(self._read_bytes)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read_bytes += len(whole) + len(newline)
        for line in whole.splitlines():
            entry = msgspec.json.decode(line, type=Acknowledged)
            self.entries.append(entry)
            self.acknowledged.add(entry.n)
            self.ends[entry.partition] = max(self.ends.get(entry.partition, 0), entry.offset + 1)


def read_records(folder: Path) -> list[Record]:
    """All records, in order."""
    lines = (folder / RECORDS).read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Record) for line in lines]


def run(folder: Path, producer: Producer) -> None:
    """Return when every record is acknowledged."""
    records = read_records(folder)
    known = Journal(folder)
    known.read()
    _drop_torn_line(folder / JOURNAL)
    parent = os.getppid()
    with (folder / JOURNAL).open("ab") as journal:
        for batch in _batches(folder, [n for n in range(len(records)) if n not in known.acknowledged], parent):
            left = batch
            while left:
                done = _send(producer, records, left)
                journal.write(b"".join(msgspec.json.encode(entry) + b"\n" for entry in done))
                journal.flush()
                os.fsync(journal.fileno())
                placed = {entry.n for entry in done}
                left = [n for n in left if n not in placed]


def _send(producer: Producer, records: Sequence[Record], numbers: Sequence[int]) -> list[Acknowledged]:
    """Those of ``numbers`` that the broker acknowledged."""
    sent: list[tuple[int, Delivery]] = []
    done: list[Acknowledged] = []
    try:
        for n in numbers:
            sent.append((n, producer.send(ARTICLES.name, records[n].value, key=records[n].key)))
        producer.flush()
    except BrokerUnavailable as error:
        sys.stderr.write(f"again: {error}\n")
    for n, delivery in sent:
        try:
            done.append(Acknowledged(n, *delivery.position()))
        except BrokerUnavailable:
            continue
    return done


def _batches(folder: Path, numbers: Sequence[int], parent: int) -> Iterator[list[int]]:
    """``numbers`` in small batches, as far as it is allowed by now."""
    start = 0
    while start < len(numbers) and os.getppid() == parent:
        allowed = int((folder / ALLOWED).read_text() or 0)
        batch = [n for n in numbers[start : start + _BATCH] if n < allowed]
        if batch:
            start += len(batch)
            yield batch
        else:
            time.sleep(_LOOK_SECONDS)  # between two looks: nothing tells us of a file


def _drop_torn_line(file: Path) -> None:
    if file.exists():
        os.truncate(file, file.read_bytes().rfind(b"\n") + 1)


def main() -> None:
    """Send everything to the broker of the settings."""
    from wirewatch.cli.wiring import open_broker
    from wirewatch.settings import load

    run(Path(sys.argv[1]), open_broker(load()).producer())


if __name__ == "__main__":
    main()
