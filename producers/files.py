"""Files, folders and standard input to a stream of accepted or rejected articles."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

from producers import documents
from producers.accept import Item, Passed, outcome
from producers.archive import is_zip, members
from producers.formats import SNIFF_BYTES, Format, Limits, by_content, by_name, pieces
from wirewatch.errors import Rejected, UserError

STDIN = "-"
STDIN_ORIGIN = "stdin"
# A folder of articles also holds files about them: these are passed over there, though not when named themselves.
_NOT_ARTICLES = frozenset([".md", ".yaml", ".yml", ".toml"])


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file in a folder, or records of a file, that were passed over, and why."""

    path: str
    why: str


@dataclass(slots=True)
class Progress:
    """How far reading is, in bytes of the files themselves. ``total`` grows as folders are listed."""

    total: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """How files are read. ``clock`` gives ``first_seen``; ``source`` overrides what the files say."""

    clock: Callable[[], datetime]
    article_bytes_max: int
    file_bytes_max: int
    source: str | None = None
    format: Format | None = None
    """None: the extension decides, then the content."""
    parse: documents.Parse = documents.parse
    progress: Progress = field(default_factory=Progress)
    """Kept up to date while reading."""

    def read(self, paths: Sequence[str], stdin: io.BufferedReader | None = None) -> Iterator[Item | Skipped]:
        """Everything in ``paths`` in their order; folders in the order of names, all the way down.

        ``-`` is ``stdin``, by default the process's own.

        Origins are ``path:line`` (from 1) or ``path#item`` (from 0), with the path as it was given; for what is in a
        ZIP file ``path/name`` stands for the path. Raises UserError for a path that is missing (before anything is
        read) or cannot be read.
        """
        for path in paths:
            if path != STDIN and not Path(path).exists():
                raise UserError(f"{path}: there is no such file or folder")
        self.progress.total += sum(_size(Path(path)) for path in paths if path != STDIN)
        for path in paths:
            if path == STDIN:
                yield from self._stream(stdin or _standard_input(), STDIN_ORIGIN, "")
            elif Path(path).is_dir():
                yield from self._folder(Path(path))
            else:
                yield from self.file(path)

    def _folder(self, folder: Path) -> Iterator[Item | Skipped]:
        for path in _files(folder):
            if path.suffix.lower() in _NOT_ARTICLES:
                yield Skipped(str(path), f"{path.suffix} files in folders are notes, not articles")
            elif self.format is None and by_name(path.name) is None and not _is_read(path):
                yield Skipped(str(path), "not text")
            else:
                yield from self.file(str(path))

    def file(self, path: str) -> Iterator[Item | Skipped]:
        """Everything in one file. Raises UserError when it cannot be read."""
        before = self.progress.done
        try:
            with Path(path).open("rb") as stream:
                for found in self._packed(stream, path) if is_zip(_start(stream)) else self._stream(stream, path, path):
                    self.progress.done = before + stream.tell()
                    yield found
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error

    def _packed(self, stream: io.BufferedReader, path: str) -> Iterator[Item | Skipped]:
        try:
            for name, member in members(stream):
                where = f"{path}/{name}"
                if is_zip(_start(member)):
                    yield Item(where, Rejected("invalid", "a ZIP file within a ZIP file is not read"), b"")
                else:
                    yield from self._stream(member, where, name)
        except Rejected as rejected:
            yield Item(path, rejected, b"")

    def _stream(self, stream: io.BufferedReader, name: str, file_name: str) -> Iterator[Item | Skipped]:
        start = _start(stream)
        format_ = self.format or by_name(file_name) or by_content(start)
        if format_ is None:
            why = "a ZIP file must be given as a file" if is_zip(start) else "this is not text"
            yield Item(name, Rejected("invalid", why), stream.read(self.file_bytes_max))
            return
        # A line may be somewhat larger than the article in it: JSON may escape each character.
        limits = Limits(line_bytes_max=4 * self.article_bytes_max, file_bytes_max=self.file_bytes_max)
        passed: Counter[str] = Counter()
        for piece in pieces(stream, format_, limits, self.parse):
            if isinstance(piece, Passed):
                passed[piece.why] += 1
                continue
            accepted = outcome(
                piece.raw,
                now=self.clock(),
                article_bytes_max=self.article_bytes_max,
                source=self.source,
                fetched_from=name,
            )
            yield Item(name + piece.place, accepted, piece.original)
        for why, count in passed.items():
            yield Skipped(name, f"{count:,} {'record' if count == 1 else 'records'}: {why}")


def _start(stream: io.BufferedReader) -> bytes:
    return stream.peek(SNIFF_BYTES)[:SNIFF_BYTES]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _size(path: Path) -> int:
    """Of a file, or of all in a folder; 0 for what cannot be seen, which is told when it is read."""
    try:
        return sum(map(_size, _files(path))) if path.is_dir() else path.stat().st_size
    except OSError:
        return 0


def _is_read(path: Path) -> bool:
    """Whether a file's beginning is that of one which is read."""
    try:
        with path.open("rb") as stream:
            start = stream.read(SNIFF_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    return is_zip(start) or by_content(start) is not None


def _standard_input() -> io.BufferedReader:
    return cast("io.BufferedReader", sys.stdin.buffer)  # it is one for every real standard input
