"""A watched folder: every file that is complete is published once, then moved to ``done`` or ``failed`` beside it."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from producers.accept import Item
from producers.files import Skipped
from producers.publish import Tally
from wirewatch.errors import BrokerUnavailable, Rejected, UserError

DONE, FAILED = "done", "failed"
SETTLE_SECONDS = 3.0
"""A file that has looked the same for so long, and that nobody has open for writing, is complete."""
POLL_SECONDS = 1.0
BACKOFF_SECONDS_MAX = 60.0
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", "~")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at a file shows, without reading it."""

    size: int
    changed_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Sighted:
    """Since when (seconds of a clock that only goes forward) a file has looked like this."""

    sight: Sight
    since: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file. ``moved_to``: where it is now; None where it was changed meanwhile, and is read again."""

    path: Path
    tally: Tally
    skipped: tuple[Skipped, ...]
    moved_to: Path | None


class Stopped(Exception):
    """Asked to stop in the middle of a file, which stays where it is."""


def is_left(name: str) -> bool:
    """Whether a file is left alone for its name: hidden, or by its ending unfinished."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def look(seen: Mapping[str, Sighted], now_seen: Mapping[str, Sight], now: float) -> dict[str, Sighted]:
    """What is known after a look: a file that changed, or is new, has looked as it does since ``now``."""
    return {
        name: before if (before := seen.get(name)) and before.sight == sight else Sighted(sight, now)
        for name, sight in now_seen.items()
        if not is_left(name)
    }


def settled(seen: Mapping[str, Sighted], now: float) -> list[str]:
    """The files that have not changed for SETTLE_SECONDS, the ones changed longest ago first."""
    names = [name for name, sighted in seen.items() if now - sighted.since >= SETTLE_SECONDS]
    return sorted(names, key=lambda name: (seen[name].sight.changed_ns, name))


@dataclass(slots=True)
class Inbox:
    """Reads complete files out of ``folder``, not of the folders in it, with ``publish``.

    ``publish`` sends all of ``items`` and returns when the broker has acknowledged them (see ``producers.publish``).
    So a file is moved only once everything of it is safe: a crash at any moment means that it is read again at the next
    start, and the ids of its articles make the repeats known. ``on_taken`` is told of each file, ``on_outage`` of a
    broker that is away.
    """

    folder: Path
    read: Callable[[str], Iterator[Item | Skipped]]
    publish: Callable[[Iterator[Item]], Tally]
    on_taken: Callable[[Taken], None]
    on_outage: Callable[[BrokerUnavailable, float], None]
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, Sighted] = field(default_factory=dict)

    def run(self, stop: threading.Event, started: Callable[[], None] = lambda: None) -> None:
        """Take files until ``stop`` is set. A broker that is away is waited for; nothing is moved meanwhile.

        ``started`` is called once the folder is this process's.

        Raises UserError: the folder cannot be used, or another process watches it.
        """
        with _mine(self.folder):
            started()
            outages = 0
            while not stop.is_set():
                try:
                    self.once(stop)
                    outages, pause = 0, POLL_SECONDS
                except BrokerUnavailable as error:
                    pause = min(BACKOFF_SECONDS_MAX, POLL_SECONDS * 2**outages)
                    outages = min(outages + 1, 10)
                    self.on_outage(error, pause)
                except Stopped:
                    return
                stop.wait(pause)

    def once(self, stop: threading.Event) -> None:
        """One look at the folder; every complete file is taken. Raises BrokerUnavailable, UserError, Stopped."""
        now = self.clock()
        self._seen = look(self._seen, _sights(self.folder), now)
        for name in settled(self._seen, now):
            if stop.is_set():
                return
            if not is_open_for_writing(self.folder / name):
                self._take(name, stop)

    def _take(self, name: str, stop: threading.Event) -> None:
        path = self.folder / name
        skipped: list[Skipped] = []
        tally = self.publish(self._items(path, skipped, stop))
        sight = _sight(path)
        if sight is None:
            return  # gone: whoever took it away has it
        moved_to = None
        if sight == self._seen[name].sight and not is_open_for_writing(path):
            moved_to = _move(path, self.folder / (FAILED if tally.rejected else DONE))
        self._seen.pop(name)
        self.on_taken(Taken(path, tally, tuple(skipped), moved_to))

    def _items(self, path: Path, skipped: list[Skipped], stop: threading.Event) -> Iterator[Item]:
        try:
            for found in self.read(str(path)):
                if stop.is_set():
                    raise Stopped
                if isinstance(found, Skipped):
                    skipped.append(found)
                else:
                    yield found
        except UserError as error:
            if path.exists():
                yield Item(str(path), Rejected("unreadable", str(error)), b"")


def is_open_for_writing(path: Path) -> bool:
    """Whether some process is still writing a file. False also where the system does not tell: it does on Linux, for
    our own files on local disks.

    May cost a signal (SIGIO) when a writer comes at this very moment; the process must ignore it.
    """
    if sys.platform != "linux":
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        # A lease for reading is only given while no one has the file open for writing.
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _sights(folder: Path) -> dict[str, Sight]:
    """The plain files in a folder. Links are left: what they lead to may be anything."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror or error}") from error
    sights = ((name, _sight(folder / name)) for name in names)
    return {name: sight for name, sight in sights if sight is not None}


def _sight(path: Path) -> Sight | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return Sight(found.st_size, found.st_mtime_ns, found.st_ino)


def _move(path: Path, folder: Path) -> Path:
    target = folder / path.name
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    try:
        return path.rename(target)
    except OSError as error:
        raise UserError(
            f"{path}: published, but cannot be moved to {folder}: {error.strerror or error}; "
            "mend that, or it is published again (which counts once)"
        ) from error


@contextmanager
def _mine(folder: Path) -> Iterator[None]:
    """The folder with its two subfolders made, for this process alone. Raises UserError."""
    try:
        for name in (DONE, FAILED):
            (folder / name).mkdir(exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"{folder}: cannot be watched: {error.strerror or error}") from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"{folder}: another `wirewatch publish --watch` watches this folder") from error
    except OSError:
        return  # a file system without locks; two at once publish twice, which counts once
