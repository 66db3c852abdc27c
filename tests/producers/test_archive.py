"""ZIP files: what is in them, damage, and bombs."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers import archive
from producers.accept import Item
from producers.archive import members
from producers.files import Reader, Skipped
from tests.producers.archives import zipped
from tests.producers.test_files import NOW
from wirewatch.errors import Rejected
from wirewatch.records import Article

READER = Reader(clock=lambda: NOW, article_bytes_max=10_000, file_bytes_max=50_000)


def _read(data: bytes, tmp_path: Path, name: str = "a.zip") -> list[tuple[str, str]]:
    path = tmp_path / name
    path.write_bytes(data)
    return [
        ("", each.why) if isinstance(each, Skipped) else (each.origin.removeprefix(f"{tmp_path}/"), _shown(each))
        for each in READER.file(str(path))
    ]


def _shown(item: Item) -> str:
    return item.outcome.title if isinstance(item.outcome, Article) else item.outcome.reason


def test_each_file_in_a_zip_file_is_read_in_its_own_format(tmp_path: Path) -> None:
    files = {"a.jsonl": b'{"title": "een"}\n{}\n', "b/c.txt": b"twee\ndrie", "leeg/": b""}
    assert _read(zipped(files), tmp_path, "whatever") == [
        ("whatever/a.jsonl:1", "een"),
        ("whatever/a.jsonl:2", "empty"),
        ("whatever/b/c.txt", "twee"),
    ]


def test_a_bomb_is_refused_before_anything_of_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "UNPACKED_BYTES_MAX", 100_000)
    bomb = zipped({"a.txt": b"een", "b.jsonl": b"\0" * 200_000})
    assert len(bomb) < 1_000
    assert _read(bomb, tmp_path) == [("a.zip", "too-large")]


def test_a_member_that_is_larger_than_it_says_is_cut_there_and_found_out(tmp_path: Path) -> None:
    honest = zipped({"a.txt": b"x" * 10_000})
    lie = honest.replace((10_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lie != honest
    assert _read(lie, tmp_path) == [("a.zip", "undecodable")]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MEMBERS_MAX", 2)
    assert _read(zipped(dict.fromkeys("abc", b"x")), tmp_path) == [("a.zip", "too-large")]


def test_a_zip_file_in_a_zip_file_is_not_opened(tmp_path: Path) -> None:
    assert _read(zipped({"b.zip": zipped({"a.txt": b"x"})}), tmp_path) == [("a.zip/b.zip", "invalid")]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bounds_are_refused(tmp_path: Path, method: int) -> None:
    assert _read(zipped({"a.txt": b"x" * 100}, method), tmp_path) == [("a.zip", "undecodable")]


def test_a_damaged_member_keeps_what_was_read_before_it(tmp_path: Path) -> None:
    good = zipped({"a.txt": b"een", "b.txt": b"twee" * 50})
    place = good.index(b"b.txt") + 8
    damaged = good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :]
    assert _read(damaged, tmp_path) == [("a.zip/a.txt", "een"), ("a.zip", "undecodable")]


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 20))
def test_anything_is_members_or_a_rejection(data: bytes, place: int, lost: int) -> None:
    good = zipped({"a.txt": b"een" * 30, "b.txt": b"twee"})
    for bad in (data, b"PK\x03\x04" + data, good[:place] + data + good[place + lost :]):
        with contextlib.suppress(Rejected):
            for _, member in members(io.BytesIO(bad)):
                assert len(member.read()) < 10_000


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(max_size=200), max_size=4))
def test_what_is_packed_is_read_back(files: dict[str, bytes]) -> None:
    assert {name: member.read() for name, member in members(io.BytesIO(zipped(files)))} == files
