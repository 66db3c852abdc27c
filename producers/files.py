"""Files, folders and standard input to a stream of accepted or rejected articles."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from producers import documents
from producers.accept import Item, outcome
from producers.formats import SNIFF_BYTES, Format, Limits, by_content, by_name, pieces
from wirewatch.errors import Rejected, UserError

STDIN = "-"
STDIN_ORIGIN = "stdin"
# A folder of articles also holds files about them: these are passed over there, though not when named themselves.
_NOT_ARTICLES = frozenset([".md", ".yaml", ".yml", ".toml"])


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file in a folder that was passed over, and why."""

    path: str
    why: str


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

    def read(self, paths: Sequence[str], stdin: io.BufferedReader | None = None) -> Iterator[Item | Skipped]:
        """Everything in ``paths`` in their order; folders in the order of names, all the way down.

        ``-`` is ``stdin``, by default the process's own.

        Origins are ``path:line`` (from 1) or ``path#item`` (from 0), with the path as it was given. Raises UserError
        for a path that is missing (before anything is read) or cannot be read.
        """
        for path in paths:
            if path != STDIN and not Path(path).exists():
                raise UserError(f"{path}: there is no such file or folder")
        for path in paths:
            if path == STDIN:
                yield from self._stream(stdin or _standard_input(), STDIN_ORIGIN, None)
            elif Path(path).is_dir():
                yield from self._folder(Path(path))
            else:
                yield from self._file(path)

    def _folder(self, folder: Path) -> Iterator[Item | Skipped]:
        for path in sorted(folder.rglob("*")):
            if path.is_dir() or any(part.startswith(".") for part in path.relative_to(folder).parts):
                continue
            if path.suffix.lower() in _NOT_ARTICLES:
                yield Skipped(str(path), f"{path.suffix} files in folders are notes, not articles")
            elif self.format is None and by_name(path.name) is None and _sniffed(path) is None:
                yield Skipped(str(path), "not text")
            else:
                yield from self._file(str(path))

    def _file(self, path: str) -> Iterator[Item]:
        try:
            with Path(path).open("rb") as stream:
                yield from self._stream(stream, path, by_name(path))
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error

    def _stream(self, stream: io.BufferedReader, name: str, promised: Format | None) -> Iterator[Item]:
        format_ = self.format or promised or by_content(stream.peek(SNIFF_BYTES)[:SNIFF_BYTES])
        if format_ is None:
            yield Item(name, Rejected("invalid", "this is not text"), stream.read(self.file_bytes_max))
            return
        # A line may be somewhat larger than the article in it: JSON may escape each character.
        limits = Limits(line_bytes_max=4 * self.article_bytes_max, file_bytes_max=self.file_bytes_max)
        for piece in pieces(stream, format_, limits, self.parse):
            accepted = outcome(
                piece.raw,
                now=self.clock(),
                article_bytes_max=self.article_bytes_max,
                source=self.source,
                fetched_from=name,
            )
            yield Item(name + piece.place, accepted, piece.original)


def _sniffed(path: Path) -> Format | None:
    try:
        with path.open("rb") as stream:
            return by_content(stream.read(SNIFF_BYTES))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error


def _standard_input() -> io.BufferedReader:
    return cast("io.BufferedReader", sys.stdin.buffer)  # it is one for every real standard input
