"""What git tracks here: the house tests look at that, not at what a build left behind."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wirewatch", "producers", "consumers")


@cache
def tracked() -> tuple[Path, ...]:
    """Files that are tracked or would be with the next ``git add``, relative to ROOT, sorted.

    Outside a git checkout (an unpacked archive) every file that is not in a hidden or build folder.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
        return tuple(sorted(path for name in names if (ROOT / (path := Path(name))).is_file()))
    return tuple(
        sorted(
            path.relative_to(ROOT)
            for path in ROOT.rglob("*")
            if path.is_file() and not path.relative_to(ROOT).parts[0].startswith((".", "build", "dist"))
        )
    )


def tracked_python(*folders: str) -> tuple[Path, ...]:
    """Tracked .py files; below one of ``folders`` where any is named."""
    return tuple(path for path in tracked() if path.suffix == ".py" and (not folders or path.parts[0] in folders))


def read(path: Path | str) -> str:
    """The text of a file, by its path from ROOT."""
    return (ROOT / path).read_text(encoding="utf-8")
