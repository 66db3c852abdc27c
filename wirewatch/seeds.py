"""Where the files that ship with Wirewatch lie: the default watchlist, rules and feeds, and the sample articles."""

from __future__ import annotations

from pathlib import Path

from wirewatch.errors import UserError


def shipped(name: str) -> Path:
    """The file or folder ``name`` that ships with the program, in a checkout or in an installed wheel.

    Raises UserError when it is in neither.
    """
    package = Path(__file__).parent
    places = (package / "_seeds" / name, package.parent / "seeds" / name)
    for place in places:
        if place.exists():
            return place
    raise UserError(f"seeds/{name}: this file should ship with Wirewatch and is missing; install it again")
