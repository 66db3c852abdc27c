"""Where the shipped data is: the default watchlist, the default rules, the sample articles and feeds."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def seeds() -> Path:
    """The folder ``seeds/`` of the checkout, or its copy inside an installed package. Read only."""
    installed = _PACKAGE / "_seeds"
    return installed if installed.is_dir() else _PACKAGE.parent / "seeds"
