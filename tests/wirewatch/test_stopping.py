"""SIGTERM under load on the embedded log."""

from __future__ import annotations

from pathlib import Path

from tests.path_stopping import stopping_under_load_redoes_at_most_one_batch
from wirewatch.settings import load
from wirewatch.sqlite_broker import SqliteBroker


def test_sigterm_under_load_ends_within_15_seconds_and_redoes_at_most_one_batch(tmp_path: Path) -> None:
    broker = SqliteBroker(tmp_path / "log.sqlite3")
    env = {"WIREWATCH_DATA_DIR": str(tmp_path), "KAFKA_BOOTSTRAP_SERVERS": ""}
    stopping_under_load_redoes_at_most_one_batch(env, load(data_dir=tmp_path), broker)
