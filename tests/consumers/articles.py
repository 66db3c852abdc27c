"""Articles for tests of recognition, and the shipped watchlist compiled once."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from consumers.recognise import Recogniser, compile_watchlist
from consumers.watchlist_file import load_watchlist
from wirewatch.records import Article
from wirewatch.seeds import shipped


@cache
def shipped_recogniser() -> Recogniser:
    """The shipped watchlist, ready to use."""
    return compile_watchlist(load_watchlist(shipped("watchlist.yaml")))


def article(title: str = "", text: str = "", *, language: str | None = None, summary: str | None = None) -> Article:
    """An article with everything that recognition does not look at filled in."""
    return Article(
        id="a",
        source="wire",
        title=title,
        summary=summary,
        text=text,
        language=language,
        first_seen=datetime(2020, 1, 7, tzinfo=UTC),
        content_hash="",
    )
