"""What a document of a feed holds that is new goes to the broker, whether it was polled or pushed.

Nothing is remembered before the broker has acknowledged the articles: who dies in between sees the document again, and
the ids show the repeats.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

import msgspec

from producers.accept import Item, outcome
from producers.documents import Document, Parse
from producers.feed import Feed
from producers.feeds.fetch import Fetched, Fetcher
from producers.feeds.pages import Pages
from producers.publish import Tally, publish
from wirewatch.broker import Producer
from wirewatch.errors import Rejected
from wirewatch.feed_state import Listing
from wirewatch.metrics import Metrics
from wirewatch.records import Article
from wirewatch.settings import Settings

STAGE = "feeds"
THREADS = 4


class Marks(Protocol):
    """What is remembered of published articles; see ``board.Board``."""

    async def published(self, ids: Sequence[str]) -> Sequence[str | None]: ...

    async def remember(self, articles: Iterable[tuple[str, str]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Took:
    """What a document gave.

    ``new``: articles that were never seen; ``published``: the times that these claim; ``prints``: a digest of each
    item; ``hubs`` and ``topic`` as in ``Feed``.
    """

    tally: Tally = field(default_factory=Tally)
    items: int = 0
    new: int = 0
    published: tuple[datetime, ...] = ()
    prints: tuple[str, ...] = ()
    hubs: tuple[str, ...] = ()
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Takes documents into a broker whose topics exist."""

    producer: Producer
    parse: Parse
    settings: Settings
    metrics: Metrics
    marks: Marks
    fetcher: Fetcher
    """For the sitemaps of an index."""
    pages: Pages | None = None
    """Reads full texts for feeds that ask for it."""
    threads: Executor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "parse"))

    async def take(
        self, listing: Listing, document: Fetched, now: datetime, known: Iterable[str] = (), *, rejects: bool = True
    ) -> Took:
        """Publish what is new in the document. ``known``: the prints of the last one, which are passed over.

        ``rejects`` False leaves the bad items to whoever sees the document next.
        Raises Rejected (it is no feed), BrokerUnavailable, StoreUnavailable: repeating is safe.
        """
        loop = asyncio.get_running_loop()
        feeds = await self._feeds(document)

        def read() -> list[Item]:
            return [item for feed in feeds for item in accepted(feed, listing.url, now, self.settings)]

        items = await loop.run_in_executor(self.threads, read)
        prints = [_print(item) for item in items]
        passed = frozenset(known)
        fresh = _once([(item, seen) for item, seen in zip(items, prints, strict=True) if seen not in passed])
        new = [item for item in await self._unpublished(fresh) if rejects or not isinstance(item.outcome, Rejected)]
        tally = Tally()
        if new:
            sent = await self.pages.complete(new) if self.pages and listing.full_text else new
            send = partial(publish, sent, self.producer, stage=STAGE, metrics=self.metrics)
            tally = await loop.run_in_executor(self.threads, send)
        # Marks are of what the feed says: pages change with every advertisement.
        articles = [item.outcome for item in new if not isinstance(item.outcome, Rejected)]
        await self.marks.remember((article.id, mark_of(article)) for article in articles)
        return Took(
            tally=tally,
            items=len(items),
            new=sum(article.revision == 1 for article in articles),
            published=tuple(article.published for article in articles if article.published),
            prints=tuple(prints),
            hubs=feeds[0].hubs,
            topic=feeds[0].topic,
        )

    async def _unpublished(self, items: Sequence[Item]) -> list[Item]:
        """The items without those that were published as they are; what was changed since has its revision."""
        marks = await self.marks.published([_id(item) for item in items])
        new: list[Item] = []
        for item, mark in zip(items, marks, strict=True):
            if isinstance(item.outcome, Rejected):
                new.append(item)
            elif article := revised(item.outcome, mark):
                new.append(Item(item.origin, article, item.original))
        self.metrics.feed_duplicates.inc(len(items) - len(new))
        return new

    async def _feeds(self, document: Fetched) -> list[Feed]:
        """The feed in the document; of a sitemap index, those of its sitemaps that can be had."""
        whole = await self._feed(document)
        if not whole.children:
            return [whole]
        found: list[Feed] = []
        for child in whole.children:
            fetched = await self.fetcher.fetch(child)
            if isinstance(fetched, Fetched):
                with suppress(Rejected):
                    found.append(await self._feed(fetched))
        if not found:
            raise Rejected("invalid", "none of the sitemaps that it names can be had")
        return found

    async def _feed(self, document: Fetched) -> Feed:
        parse = partial(self.parse, document_of(document, self.settings))
        return await asyncio.get_running_loop().run_in_executor(self.threads, parse)


def document_of(fetched: Fetched, settings: Settings) -> Document:
    """What was fetched, ready to be parsed as a feed."""
    return Document(
        kind="feed",
        data=fetched.body,
        bytes_max=settings.fetch_bytes_max,
        url=fetched.url,
        content_type=fetched.content_type,
    )


def accepted(feed: Feed, url: str, now: datetime, settings: Settings) -> list[Item]:
    """The feed's items, each accepted or rejected."""
    return [
        Item(
            url + piece.place,
            outcome(piece.raw, now=now, article_bytes_max=settings.article_bytes_max, fetched_from=url),
            piece.original,
        )
        for piece in feed.items
    ]


def revised(article: Article, mark: str | None) -> Article | None:
    """The article with its revision, or None when ``mark``, of its last publication, says that it is the same."""
    if mark is None:
        return article
    content, _, revision = mark.partition(":")
    if content == article.content_hash:
        return None
    return msgspec.structs.replace(article, revision=int(revision or 1) + 1)


def mark_of(article: Article) -> str:
    """What is remembered of a published article."""
    return f"{article.content_hash}:{article.revision}"


def _once(found: Sequence[tuple[Item, str]]) -> list[Item]:
    """Each article of a document one time, as it stands there first."""
    seen: set[str] = set()
    kept = []
    for item, print_ in found:
        key = print_ if isinstance(item.outcome, Rejected) else item.outcome.id
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return kept


def _id(item: Item) -> str:
    return "" if isinstance(item.outcome, Rejected) else item.outcome.id


def _print(item: Item) -> str:
    """Tells whether an item was published before as it is now."""
    if isinstance(item.outcome, Rejected):
        return hashlib.sha256(item.original).hexdigest()[:16]
    return hashlib.sha256(f"{item.outcome.id}{item.outcome.content_hash}".encode()).hexdigest()[:16]
