"""One ``up`` per data folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wirewatch.errors import UserError


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the folder while inside. Raises UserError when another process holds it; the lock dies with its holder."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise UserError(
                f"wirewatch up already runs with {data_dir} (process {lock.read().strip() or 'unknown'}): "
                "stop it first, or set WIREWATCH_DATA_DIR to another folder"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
