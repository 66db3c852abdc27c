"""Documents parsed in a process of their own, with a limit of processor time and memory.

The parsers that the world's feeds and pages need take minutes for some inputs of a few hundred kilobytes, and are
partly written in C. What hangs, eats memory or crashes ends this process alone, and the document is rejected.
Run as a module it is that process; its parent starts it, nobody else.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

import msgspec

from producers.accept import Piece, RawArticle
from producers.documents import Document, parse
from producers.feed import Feed
from wirewatch.errors import Rejected
from wirewatch.worker_pool.process import environment

CPU_SECONDS_MAX = 20
"""Processor time for one document: a machine that is busy elsewhere rejects nothing for that."""
WALL_SECONDS_MAX = 120.0
MEMORY_BYTES_MAX = 1 << 30
"""Address space of the process, its libraries included."""
_OUT_OF_MEMORY = 77
_LENGTH = struct.Struct(">I")
_CHUNK_BYTES = 1 << 20


class _Item(msgspec.Struct, frozen=True, array_like=True):
    """A Piece on its way; without ``raw`` it is a rejection."""

    place: str
    original: bytes
    raw: RawArticle | None = None
    reason: str = ""
    detail: str = ""


class _Answer(msgspec.Struct, frozen=True):
    """A Feed on its way; with a ``reason`` it is a rejection of the whole document."""

    title: str = ""
    source: str | None = None
    language: str | None = None
    items: tuple[_Item, ...] = ()
    children: tuple[str, ...] = ()
    hubs: tuple[str, ...] = ()
    topic: str | None = None
    reason: str = ""
    detail: str = ""


class _Ended(Exception):
    """The other side is gone."""


class Apart:
    """Implements ``documents.Parse``. One process, started at the first document and again after one that ended it.

    Threads may share it; they take turns.
    """

    def __init__(self, *, cpu_seconds_max: int = CPU_SECONDS_MAX, wall_seconds_max: float = WALL_SECONDS_MAX) -> None:
        self._cpu_seconds = cpu_seconds_max
        self._wall_seconds = wall_seconds_max
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def __call__(self, document: Document) -> Feed:
        """See ``documents.parse``. Raises Rejected, also for a document that the process did not survive:
        ``parse-timeout``, ``parse-memory``, ``parse-crash``. Repeating gives the same."""
        with self._turn:
            channel = self._opened()
            channel.settimeout(self._wall_seconds)
            try:
                _send(channel, msgspec.msgpack.encode(document))
                answer = msgspec.msgpack.decode(_receive(channel), type=_Answer)
            except TimeoutError:
                self._end()
                raise Rejected("parse-timeout", f"not parsed within {self._wall_seconds:g} seconds") from None
            except _Ended:
                raise self._explained(self._end()) from None
        return _feed(answer)

    def _opened(self) -> socket.socket:
        if self._channel is None:
            self._channel, other = socket.socketpair()
            with other:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", __name__, str(other.fileno()), str(self._cpu_seconds)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[other.fileno()],
                    env=environment(os.environ),
                    start_new_session=True,  # Ctrl-C is for our parent to judge
                )
        return self._channel

    def _end(self) -> int:
        """End the process; how it ended, as subprocess says it."""
        process, channel = self._process, self._channel
        self._process = self._channel = None
        if process is None or channel is None:
            return 0
        channel.close()
        try:
            # Closed, it ends by itself; one that is at work does not look.
            return process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _explained(self, code: int) -> Rejected:
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return Rejected("parse-timeout", f"not parsed within {self._cpu_seconds} seconds of processor time")
        if code == _OUT_OF_MEMORY:
            return Rejected("parse-memory", f"takes more than {MEMORY_BYTES_MAX >> 20} MiB to parse")
        return Rejected("parse-crash", f"the parser ended with {code}")

    def close(self) -> None:
        """End the process. Repeating is safe."""
        with self._turn:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _feed(answer: _Answer) -> Feed:
    if answer.reason:
        raise Rejected(answer.reason, answer.detail)
    items = tuple(map(_piece, answer.items))
    return Feed(answer.title, answer.source, answer.language, items, answer.children, answer.hubs, answer.topic)


def _piece(item: _Item) -> Piece:
    return Piece(item.place, item.raw or Rejected(item.reason, item.detail), item.original)


def _item(piece: Piece) -> _Item:
    if isinstance(piece.raw, Rejected):
        return _Item(piece.place, piece.original, None, piece.raw.reason, piece.raw.detail)
    return _Item(piece.place, piece.original, piece.raw)


def _answer(document: Document) -> _Answer:
    try:
        feed = parse(document)
    except Rejected as rejected:
        return _Answer(reason=rejected.reason, detail=rejected.detail)
    items = tuple(map(_item, feed.items))
    return _Answer(feed.title, feed.source, feed.language, items, feed.children, feed.hubs, feed.topic)


def _send(channel: socket.socket, body: bytes) -> None:
    try:
        channel.sendall(_LENGTH.pack(len(body)) + body)
    except TimeoutError:
        raise
    except OSError as error:
        raise _Ended from error


def _receive(channel: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    return _exactly(channel, length)


def _exactly(channel: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        try:
            chunk = channel.recv(min(size - len(found), _CHUNK_BYTES))
        except TimeoutError:
            raise
        except OSError as error:
            raise _Ended from error
        if not chunk:
            raise _Ended
        found += chunk
    return bytes(found)


def _limit_cpu(seconds: int) -> None:
    """From now on so many more; what was used before does not count."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def main(descriptor: int, cpu_seconds: int) -> int:
    """Answer the parent at the other end of socket ``descriptor`` until it is gone.

    The socket tells that it is, however it ended. The kernel's death signal would not do: it watches the thread that
    started us, and threads share this process.
    """
    if sys.platform == "linux":  # elsewhere the kernel does not keep to it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    with socket.socket(fileno=descriptor) as channel:
        try:
            while True:
                document = msgspec.msgpack.decode(_receive(channel), type=Document)
                _limit_cpu(cpu_seconds)
                _send(channel, msgspec.msgpack.encode(_answer(document)))
        except _Ended:
            return 0
        except MemoryError:
            os._exit(_OUT_OF_MEMORY)  # at once: whatever else could be done needs memory


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
