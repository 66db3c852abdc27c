"""The journal is read while it is written, and may be cut anywhere by a kill."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wirewatch.chaos.producer import JOURNAL, Acknowledged, Journal

_ENTRIES = st.lists(
    st.builds(Acknowledged, n=st.integers(0, 50), partition=st.integers(0, 3), offset=st.integers(0, 1_000)),
    max_size=10,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_ENTRIES, st.lists(st.integers(0, 2_000), max_size=5))
def test_a_growing_journal_gives_each_whole_line_once(entries: list[Acknowledged], cuts: list[int]) -> None:
    data = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    with tempfile.TemporaryDirectory() as name:
        journal = Journal(Path(name))
        journal.read()
        for cut in sorted(cuts):
            (Path(name) / JOURNAL).write_bytes(data[:cut])
            journal.read()
            assert journal.entries == entries[: data[:cut].count(b"\n")]
        (Path(name) / JOURNAL).write_bytes(data)
        journal.read()
    assert journal.entries == entries
    assert journal.acknowledged == {entry.n for entry in entries}
    assert all(journal.ends[entry.partition] > entry.offset for entry in entries)
