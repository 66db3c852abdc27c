"""One poll of one feed: what it holds that is new goes to the broker, and what was learnt of the feed is kept.

Nothing is remembered before the broker has acknowledged the articles: a poller that dies in between asks again, and the
ids show the repeats.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import msgspec

from producers.accept import Item, outcome
from producers.documents import Document, Parse
from producers.feed import Feed
from producers.feeds.board import Board, Held
from producers.feeds.fetch import Conditional, Failed, Fetched, Fetcher, Outcome
from producers.feeds.pages import Pages
from producers.feeds.rhythm import Next, Rhythm, arrived, next_poll
from producers.publish import Tally, publish
from wirewatch.broker import Producer
from wirewatch.errors import BrokerUnavailable, Rejected
from wirewatch.feed_state import FeedState, health
from wirewatch.metrics import Metrics
from wirewatch.records import Article
from wirewatch.settings import Settings

STAGE = "feeds"
PRINTS_MAX = 2_000
THREADS = 4


@dataclass(frozen=True, slots=True)
class Visit:
    """One poll of one feed, for people and logs."""

    url: str
    outcome: Outcome
    tally: Tally
    items: int
    next: Next


@dataclass(frozen=True, slots=True)
class Took:
    """What a document gave. ``new``: articles that no poll had seen; ``published``: the times that its items claim."""

    tally: Tally = field(default_factory=Tally)
    items: int = 0
    new: int = 0
    published: tuple[datetime, ...] = ()
    prints: tuple[str, ...] = ()


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


def learnt(state: FeedState, result: Outcome, took: Took, now: datetime, settings: Settings, spread: float) -> Next:
    """When the feed is due after this poll; see ``next_poll``."""
    rhythm = _rhythm(state, took, now)
    return next_poll(result, now, settings, rhythm=rhythm, failures=state.failures, spread=spread)


def after(state: FeedState, result: Outcome, took: Took, following: Next, now: datetime) -> FeedState:
    """What is known of a feed after a poll. Pure."""
    polled = msgspec.structs.replace(
        state,
        last_poll=now,
        next_poll=following.when,
        ended=following.reason if following.when is None else None,
    )
    if isinstance(result, Failed):
        error = f"{result.reason}: {result.detail}"[:500]
        return msgspec.structs.replace(polled, failures=state.failures + 1, last_error=error)
    polled = msgspec.structs.replace(polled, failures=0, last_success=now)
    if not isinstance(result, Fetched):
        return polled
    rhythm = _rhythm(state, took, now)
    return msgspec.structs.replace(
        polled,
        etag=result.state.etag,
        last_modified=result.state.last_modified,
        moved_to=result.moved or state.moved_to,
        prints=took.prints[:PRINTS_MAX],
        gap_seconds=rhythm.gap_seconds,
        last_article=rhythm.last_article,
        articles=state.articles + took.tally.published,
    )


def _rhythm(state: FeedState, took: Took, now: datetime) -> Rhythm:
    return arrived(Rhythm(state.gap_seconds, state.last_article), took.new, took.published, now)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Polls feeds into a broker whose topics exist. ``on_visit`` is told of every poll."""

    producer: Producer
    parse: Parse
    settings: Settings
    metrics: Metrics
    board: Board
    fetcher: Fetcher
    on_visit: Callable[[Visit], None]
    pages: Pages | None = None
    """Reads full texts for feeds that ask for it."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "parse"))

    async def visit(self, held: Held) -> Visit:
        """Poll one feed that was taken from the board, and give it back. Raises StoreUnavailable."""
        state = held.state
        conditional = Conditional(state.etag, state.last_modified)
        result = await self.fetcher.fetch(state.moved_to or state.url, conditional)
        took = Took()
        if isinstance(result, Fetched):
            try:
                took = await self._publish(held, result)
            except Rejected as rejected:
                result = Failed("not-a-feed", str(rejected))
            except BrokerUnavailable as error:
                result = Failed("broker-unavailable", str(error))
        now = self.clock()
        # Jitter needs no secrets.
        following = learnt(state, result, took, now, self.settings, random.random())  # noqa: S311
        kept = after(state, result, took, following, now)
        await self.board.give(kept, health(kept, now).word)
        self.metrics.feed_fetches.labels(_label(result)).inc()
        visit = Visit(state.url, result, took.tally, took.items, following)
        self.on_visit(visit)
        return visit

    async def _publish(self, held: Held, document: Fetched) -> Took:
        loop = asyncio.get_running_loop()
        now = self.clock()
        feeds = await self._feeds(document)

        def read() -> list[Item]:
            return [item for feed in feeds for item in accepted(feed, held.state.url, now, self.settings)]

        items = await loop.run_in_executor(self.threads, read)
        prints = [_print(item) for item in items]
        known = frozenset(held.state.prints)
        fresh = _once([(item, seen) for item, seen in zip(items, prints, strict=True) if seen not in known])
        marks = await self.board.published([_id(item) for item in fresh])
        new: list[Item] = []
        for item, mark in zip(fresh, marks, strict=True):
            if isinstance(item.outcome, Rejected):
                new.append(item)
            elif article := revised(item.outcome, mark):
                new.append(Item(item.origin, article, item.original))
        self.metrics.feed_duplicates.inc(len(fresh) - len(new))
        tally = Tally()
        if new:
            sent = await self.pages.complete(new) if self.pages and held.listing.full_text else new
            send = partial(publish, sent, self.producer, stage=STAGE, metrics=self.metrics)
            tally = await loop.run_in_executor(self.threads, send)
        # Marks are of what the feed says: pages change with every advertisement.
        articles = [item.outcome for item in new if not isinstance(item.outcome, Rejected)]
        await self.board.remember((article.id, mark_of(article)) for article in articles)
        return Took(
            tally=tally,
            items=len(items),
            new=sum(article.revision == 1 for article in articles),
            published=tuple(article.published for article in articles if article.published),
            prints=tuple(prints),
        )

    async def _feeds(self, document: Fetched) -> list[Feed]:
        """The feed in the document; of a sitemap index, those of its sitemaps that can be had. Raises Rejected."""
        whole = await self._feed(document)
        if not whole.children:
            return [whole]
        found: list[Feed] = []
        for child in whole.children:
            fetched = await self.fetcher.fetch(child)
            if isinstance(fetched, Fetched):
                with suppress(Rejected):
                    found.append(await self._feed(fetched))
        return found

    async def _feed(self, document: Fetched) -> Feed:
        parse = partial(self.parse, document_of(document, self.settings))
        return await asyncio.get_running_loop().run_in_executor(self.threads, parse)


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


def _label(result: Outcome) -> str:
    if isinstance(result, Failed):
        return result.reason
    return "fetched" if isinstance(result, Fetched) else "not-modified"


def _print(item: Item) -> str:
    """Tells whether an item was published before as it is now."""
    if isinstance(item.outcome, Rejected):
        return hashlib.sha256(item.original).hexdigest()[:16]
    return hashlib.sha256(f"{item.outcome.id}{item.outcome.content_hash}".encode()).hexdigest()[:16]
