"""A real embedded log with the topics made, and a way to read back what is on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.producers.log import Log
from wirewatch.settings import Settings
from wirewatch.sqlite_broker import SqliteBroker


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", partitions=3)


@pytest.fixture
def log(settings: Settings) -> Iterator[Log]:
    opened = Log(SqliteBroker(settings.data_dir / "log.sqlite3"), settings)
    yield opened
    opened.close()
