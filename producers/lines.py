"""A stream of bytes to lines, with a limit on each, so that a file without newlines cannot fill the memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

SKIP_BYTES = 65_536
BLANK_LINES_MAX = 100


class Readable(Protocol):
    """A binary file, a pipe, or bytes in memory."""

    def readline(self, size: int = -1, /) -> bytes: ...

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its newline. ``number`` counts from 1 as editors do. ``cut``: the rest was over the limit."""

    number: int
    data: bytes
    cut: bool = False


def split(stream: Readable, line_bytes_max: int, *, around: bytes | None = None) -> Iterator[Line]:
    """The lines of a stream in order, as they arrive; blank ones are left out but counted.

    A line over ``line_bytes_max`` gives its start, with ``cut``. A UTF-8 byte order mark is dropped, and so is what of
    ``around`` (by default white space) stands at the ends of a line.
    """
    number = 0
    size = line_bytes_max + _AROUND_BYTES
    while data := stream.readline(size):
        number += 1
        cut = len(data) == size and not data.endswith(b"\n")
        if cut:
            _skip_to_newline(stream)
        if number == 1:
            data = data.removeprefix(codecs.BOM_UTF8)
        data = data.strip(around)
        if data.strip():
            yield Line(number, data[:line_bytes_max], cut or len(data) > line_bytes_max)


# Room for the byte order mark and \r\n.
_AROUND_BYTES = len(codecs.BOM_UTF8) + 2


def _skip_to_newline(stream: Readable) -> None:
    while (data := stream.readline(SKIP_BYTES)) and not data.endswith(b"\n"):
        pass


class After:
    """A stream of which the beginning was read already: that comes first, then the rest."""

    def __init__(self, beginning: bytes, stream: Readable) -> None:
        self._beginning = beginning
        self._stream = stream

    def readline(self, size: int = -1, /) -> bytes:
        """As of every binary file."""
        if not self._beginning:
            return self._stream.readline(size)
        end = self._beginning.find(b"\n") + 1
        taken = self._take(end or len(self._beginning), size)
        if taken.endswith(b"\n") or len(taken) == size:
            return taken
        return taken + self._stream.readline(size - len(taken) if size >= 0 else -1)

    def read(self, size: int = -1, /) -> bytes:
        """As of every binary file; fewer bytes than asked for are not the end."""
        return self._take(len(self._beginning), size) if self._beginning else self._stream.read(size)

    def _take(self, available: int, size: int) -> bytes:
        count = available if size < 0 else min(available, size)
        taken, self._beginning = self._beginning[:count], self._beginning[count:]
        return taken


def first_line(stream: Readable, line_bytes_max: int) -> bytes:
    """What a stream begins with, up to the end of the first line that is not blank; put it back with ``After``.

    At most ``line_bytes_max`` bytes of that line, and at most BLANK_LINES_MAX before it.
    """
    beginning = b""
    for _ in range(BLANK_LINES_MAX + 1):
        line = stream.readline(line_bytes_max)
        beginning += line
        if not line or line.strip():
            break
    return beginning
