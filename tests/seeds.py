"""The sample articles, and what seeds/expected.yaml pins of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from producers.accept import Item
from producers.files import Reader, Skipped

FOLDER = Path(__file__).parent.parent / "seeds"
ACTORS = ("nato", "iran", "islamic-state")
Entry = Mapping[str, Any]


def expected() -> tuple[list[Entry], list[list[str]]]:
    """The pinned entries, and the groups of origins that count as one article."""
    pins = YAML(typ="safe").load(FOLDER / "expected.yaml")
    return pins["articles"], [[origin(entry) for entry in group["entries"]] for group in pins["duplicates"]]


def origin(entry: Entry) -> str:
    """Where an entry's article is, as the reader says it, relative to seeds/."""
    if "line" in entry:
        return f"{entry['file']}:{entry['line']}"
    return f"{entry['file']}#{entry['item']}" if "item" in entry else str(entry["file"])


def items(folders: Sequence[str] = ("articles", "feeds")) -> Iterator[tuple[str, Item]]:
    """Every sample with its origin relative to seeds/."""
    reader = Reader(clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), article_bytes_max=900_000, file_bytes_max=5_000_000)
    for found in reader.read([str(FOLDER / folder) for folder in folders]):
        if not isinstance(found, Skipped):
            yield found.origin.removeprefix(f"{FOLDER}/"), found
