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
    while data := stream.readline(line_bytes_max + 1):
        number += 1
        if number == 1:
            data = data.removeprefix(codecs.BOM_UTF8)
        cut = len(data.rstrip(b"\r\n")) > line_bytes_max
        if cut:
            _skip_to_newline(stream, data)
        data = data.strip()
        if data:
            yield Line(number, data[:line_bytes_max], cut)


def _skip_to_newline(stream: Readable, data: bytes) -> None:
    while data and not data.endswith(b"\n"):
        data = stream.readline(SKIP_BYTES)
