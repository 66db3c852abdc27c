"""The watched folder: what is complete, what is moved, and crashes in between. Real files and a real embedded log."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from producers.accept import Item
from producers.files import Reader
from producers.inbox import (
    SETTLE_SECONDS,
    Inbox,
    Sight,
    Sighted,
    Stopped,
    Taken,
    is_left,
    is_open_for_writing,
    look,
    settled,
)
from producers.publish import Tally, publish
from tests.producers.archives import zipped
from tests.producers.log import Log, unwritable
from tests.producers.test_files import NOW
from wirewatch.errors import BrokerUnavailable, UserError
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings

READER = Reader(clock=lambda: NOW, article_bytes_max=10_000, file_bytes_max=50_000)
GOOD = '{"title": "een", "url": "https://nieuws.example/1"}\n'
SIGHT = Sight(size=1, changed_ns=1, inode=1)


@dataclass
class Watched:
    """An inbox with a clock of its own, on a real log."""

    folder: Path
    log: Log
    now: float = 0.0
    taken: list[Taken] = field(default_factory=list)
    outages: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        for name in ("done", "failed"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.inbox = self.new()

    def new(self) -> Inbox:
        return Inbox(
            folder=self.folder,
            read=READER.file,
            publish=self.publish,
            on_taken=self.taken.append,
            on_outage=lambda _, seconds: self.outages.append(seconds),
            clock=lambda: self.now,
        )

    def publish(self, items: Iterator[Item]) -> Tally:
        return publish(items, self.log.producer, stage="publish", metrics=Metrics(CollectorRegistry()))

    def look_twice(self) -> None:
        self.inbox.once(self.stop)
        self.now += SETTLE_SECONDS
        self.inbox.once(self.stop)

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def watched(log: Log, tmp_path: Path) -> Watched:
    return Watched(tmp_path / "inbox", log)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("a.jsonl", False),
        ("a", False),
        ("a.tmp.jsonl", False),
        (".a.jsonl", True),
        (".a.jsonl.Xy12", True),
        ("a.jsonl.tmp", True),
        ("a.PART", True),
        ("a.jsonl~", True),
        (".", True),
    ],
)
def test_names_of_unfinished_files_are_left(name: str, left: bool) -> None:
    assert is_left(name) is left


def test_a_file_is_settled_when_it_looked_the_same_for_long_enough() -> None:
    seen = look({}, {"a": SIGHT, ".b": SIGHT}, now=10.0)
    assert seen == {"a": Sighted(SIGHT, 10.0)}
    assert settled(seen, 10.0 + SETTLE_SECONDS - 0.1) == []
    grown = look(seen, {"a": replace(SIGHT, size=2)}, now=12.0)
    assert settled(grown, 10.0 + SETTLE_SECONDS) == []
    assert settled(look(grown, {"a": replace(SIGHT, size=2)}, now=14.0), 12.0 + SETTLE_SECONDS) == ["a"]
    assert look(grown, {}, now=15.0) == {}


def test_what_was_changed_longest_ago_comes_first() -> None:
    seen = look({}, {"b": SIGHT, "a": replace(SIGHT, changed_ns=2), "c": SIGHT}, now=0.0)
    assert settled(seen, SETTLE_SECONDS) == ["b", "c", "a"]


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 3)), max_size=20))
def test_a_file_is_never_settled_before_it_was_quiet(looks: list[tuple[float, int]]) -> None:
    seen: dict[str, Sighted] = {}
    now, last_change, size_before = 0.0, 0.0, 0
    for passed, size in looks:
        now += passed
        last_change = now if size != size_before else last_change
        size_before = size
        seen = look(seen, {"a": replace(SIGHT, size=size)}, now)
        assert bool(settled(seen, now)) == (now - last_change >= SETTLE_SECONDS)


def test_complete_files_are_published_and_moved_by_what_became_of_them(watched: Watched) -> None:
    (watched.folder / "good.jsonl").write_text(GOOD)
    (watched.folder / "bad.jsonl").write_text(GOOD + "{}\n")
    (watched.folder / "packed.zip").write_bytes(zipped({"a.txt": b"twee"}))
    (watched.folder / "later.jsonl.tmp").write_text(GOOD)
    (watched.folder / ".hidden").write_text("x")
    watched.look_twice()
    assert watched.files() == {
        "done/good.jsonl",
        "done/packed.zip",
        "failed/bad.jsonl",
        "later.jsonl.tmp",
        ".hidden",
    }
    assert {article.title for article in watched.log.articles()} == {"een", "twee"}
    [(letter, _)] = watched.log.dead_letters()
    assert letter.origin == f"{watched.folder}/bad.jsonl:2"


def test_a_file_is_left_for_as_long_as_it_grows(watched: Watched) -> None:
    path = watched.folder / "a.jsonl"
    path.write_text(GOOD)
    watched.inbox.once(watched.stop)
    path.open("a").write(GOOD)
    watched.now += SETTLE_SECONDS
    watched.inbox.once(watched.stop)
    assert watched.log.articles() == []
    watched.now += SETTLE_SECONDS
    watched.inbox.once(watched.stop)
    assert watched.files() == {"done/a.jsonl"}
    assert len(watched.log.articles()) == 2


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux tells who writes a file")
def test_a_file_that_someone_still_writes_is_left_however_quiet_it_is(watched: Watched) -> None:
    path = watched.folder / "a.jsonl"
    with path.open("w") as writer:
        writer.write(GOOD)
        writer.flush()
        assert is_open_for_writing(path)
        watched.look_twice()
        assert watched.files() == {"a.jsonl"}
    watched.inbox.once(watched.stop)
    assert watched.files() == {"done/a.jsonl"}


def test_names_that_are_taken_in_done_are_not_overwritten(watched: Watched) -> None:
    for _ in range(3):
        (watched.folder / "a.jsonl").write_text(GOOD)
        watched.look_twice()
    assert watched.files() == {"done/a.jsonl", "done/a-2.jsonl", "done/a-3.jsonl"}
    assert len({article.id for article in watched.log.articles()}) == 1


def test_while_the_log_cannot_be_written_nothing_is_moved_and_nothing_is_lost(
    watched: Watched, settings: Settings
) -> None:
    (watched.folder / "a.jsonl").write_text(GOOD)
    with unwritable(settings), pytest.raises(BrokerUnavailable):
        watched.look_twice()
    assert watched.files() == {"a.jsonl"}
    watched.inbox.once(watched.stop)
    assert watched.files() == {"done/a.jsonl"}
    assert len(watched.log.articles()) == 1


def test_a_log_that_is_away_is_waited_for(watched: Watched, settings: Settings) -> None:
    (watched.folder / "a.jsonl").write_text(GOOD)
    looks = itertools.count()
    away = threading.Event()
    watched.inbox.clock = lambda: next(looks) * SETTLE_SECONDS
    watched.inbox.on_outage = lambda *_: away.set()
    watched.inbox.on_taken = lambda _: watched.stop.set()
    running = threading.Thread(target=watched.inbox.run, args=(watched.stop,))
    with unwritable(settings):
        running.start()
        assert away.wait(60)
        assert watched.files() == {"a.jsonl"}
    running.join(60)
    assert watched.files() == {"done/a.jsonl"}


def test_a_crash_between_acknowledgement_and_move_repeats_the_same_ids(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    (watched.folder / "a.jsonl").write_text(GOOD)

    def crash(*_: object) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("producers.inbox._move", crash)
        with pytest.raises(KeyboardInterrupt):
            watched.look_twice()
    assert watched.files() == {"a.jsonl"}
    watched.inbox = watched.new()
    watched.look_twice()
    assert watched.files() == {"done/a.jsonl"}
    assert len(watched.log.articles()) == 2
    assert len({article.id for article in watched.log.articles()}) == 1


def test_a_file_that_changes_while_it_is_read_is_read_again(watched: Watched) -> None:
    path = watched.folder / "a.jsonl"
    path.write_text(GOOD)
    publishing = watched.inbox.publish

    def meanwhile(items: Iterator[Item]) -> Tally:
        tally = publishing(items)
        path.open("a").write('{"title": "nagekomen"}\n')
        watched.inbox.publish = publishing
        return tally

    watched.inbox.publish = meanwhile
    watched.look_twice()
    assert watched.taken[0].moved_to is None
    watched.look_twice()
    assert watched.files() == {"done/a.jsonl"}
    assert {article.title for article in watched.log.articles()} == {"een", "nagekomen"}


def test_a_stop_in_the_middle_of_a_file_leaves_it_where_it_is(watched: Watched) -> None:
    (watched.folder / "a.jsonl").write_text(GOOD * 3)
    reading = watched.inbox.read

    def stopped_after_one(path: str) -> Iterator[object]:
        for found in reading(path):
            yield found
            watched.stop.set()

    watched.inbox.read = stopped_after_one  # type: ignore[assignment]
    watched.inbox.once(watched.stop)
    watched.now += SETTLE_SECONDS
    with pytest.raises(Stopped):
        watched.inbox.once(watched.stop)
    assert watched.files() == {"a.jsonl"}


def test_links_and_folders_in_the_folder_are_left(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("x")
    (watched.folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (watched.folder / "sub").mkdir()
    (watched.folder / "sub" / "a.txt").write_text("x")
    watched.look_twice()
    assert watched.log.articles() == []


def test_two_watchers_of_one_folder_are_one_too_many(watched: Watched) -> None:
    running = threading.Thread(target=watched.inbox.run, args=(watched.stop,))
    (watched.folder / "a.txt").write_text("x")
    running.start()
    try:
        while not watched.inbox._seen:
            assert running.is_alive()
        with pytest.raises(UserError, match="another `wirewatch publish --watch`"):
            watched.new().run(threading.Event())
    finally:
        watched.stop.set()
        running.join()


def test_a_folder_that_cannot_be_used_is_one_line(log: Log, tmp_path: Path) -> None:
    gone = replace(Watched(tmp_path / "inbox", log).inbox, folder=tmp_path / "none")
    with pytest.raises(UserError, match="none: cannot be watched: No such file"):
        gone.run(threading.Event())
