"""The sample articles that ship with the program."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from producers.accept import Item
from producers.files import Reader
from wirewatch.seeds import shipped
from wirewatch.settings import Settings

_FOLDERS = ("articles", "feeds")


def sample_items(settings: Settings) -> Iterator[Item]:
    """Every sample, accepted or rejected, as the files have them."""
    reader = Reader(
        clock=lambda: datetime.now(UTC),
        article_bytes_max=settings.article_bytes_max,
        file_bytes_max=settings.fetch_bytes_max,
    )
    for found in reader.read([shown(shipped(folder)) for folder in _FOLDERS]):
        if isinstance(found, Item):
            yield found


def shown(path: Path) -> str:
    """The path as people read it: relative to the working folder where it lies below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
