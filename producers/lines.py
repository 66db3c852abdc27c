"""A stream of bytes to lines, with a limit on each, so that a file without newlines cannot fill the memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

SKIP_BYTES = 65_536


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


def split(stream: Readable, line_bytes_max: int) -> Iterator[Line]:
    """The lines of a stream in order, as they arrive; blank ones are left out but counted.

    A line over ``line_bytes_max`` gives its start, with ``cut``. A UTF-8 byte order mark is dropped.
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
        data = data.strip()
        if data:
            yield Line(number, data[:line_bytes_max], cut or len(data) > line_bytes_max)


# Room for the byte order mark and \r\n.
_AROUND_BYTES = len(codecs.BOM_UTF8) + 2


def _skip_to_newline(stream: Readable) -> None:
    while (data := stream.readline(SKIP_BYTES)) and not data.endswith(b"\n"):
        pass
