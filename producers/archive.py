"""ZIP files to the files in them, within limits that a bomb cannot pass."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from wirewatch.errors import Rejected

MEMBERS_MAX = 1_000
UNPACKED_BYTES_MAX = 1 << 30
"""Of all members together, as the file declares them; more than is declared of one is never read."""
_SIGNATURE = b"PK\x03\x04"
# The others unpack a block at a time, however large it is.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
# What the standard library raises for damage, by where it finds it.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, RuntimeError)


def is_zip(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a ZIP file with something in it."""
    return start.startswith(_SIGNATURE)


def members(stream: IO[bytes]) -> Iterator[tuple[str, io.BufferedReader]]:
    """The name and the bytes of each file in a ZIP file that can be sought in; read each before the next is asked for.

    Raises Rejected: ``too-large`` (for its members' number or size, before any is unpacked), ``undecodable``; the
    latter also while a member is read.
    """
    with _explained():
        archive = zipfile.ZipFile(stream)
        files = [info for info in archive.infolist() if not info.is_dir()]
    if len(files) > MEMBERS_MAX:
        raise Rejected("too-large", f"{len(files):,} files in a ZIP file; at most {MEMBERS_MAX:,} are read")
    size = sum(info.file_size for info in files)
    if size > UNPACKED_BYTES_MAX:
        raise Rejected("too-large", f"{size:,} bytes when unpacked; at most {UNPACKED_BYTES_MAX:,} are read")
    for info in files:
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
            raise Rejected("undecodable", f"{info.filename[:200]!r} in it is encrypted, or packed in a rare way")
        with _explained():
            member = archive.open(info)
        with member:
            yield info.filename, io.BufferedReader(_Member(member))


class _Member(io.RawIOBase):
    """A member whose damage is a Rejected."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        with _explained():
            data = self._member.read(len(view))
        view[: len(data)] = data
        return len(data)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise Rejected("undecodable", f"not a ZIP file, or damaged: {error}") from error
