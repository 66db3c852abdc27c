"""Polls feeds until stopped: when each is due, what is new in it, and that it reached the broker.

What the servers said (ETag, Last-Modified) and which items were published is kept in memory: after a restart each feed
is fetched whole once, and its items go to the broker again, where their ids show them to be repeats. One thread polls
all feeds, one after the other; an asynchronous scheduler with the state in Redis takes its place.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from producers.accept import Item, outcome
from producers.documents import Document, Parse
from producers.feed import Feed
from producers.feeds.fetch import Conditional, Failed, Fetched, NotModified, Outcome, fetch
from producers.publish import Tally, publish
from wirewatch.broker import Producer
from wirewatch.errors import BrokerUnavailable, Rejected
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings

STAGE = "feeds"
WAIT_SECONDS_MAX = 86_400.0
ENDED = frozenset(["gone", "refused", "bad-url"])
"""Failures that no later poll can mend."""


@dataclass(frozen=True, slots=True)
class Next:
    """When a feed is due again, and why then; ``when`` None: never."""

    when: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One poll of one feed, for people and logs."""

    url: str
    outcome: Outcome
    tally: Tally
    items: int
    next: Next


@dataclass(slots=True)
class _Known:
    """What is remembered of a feed between polls."""

    url: str
    state: Conditional = field(default_factory=Conditional)
    published: frozenset[bytes] = frozenset()
    failures: int = 0


def next_poll(outcome_: Outcome, now: datetime, settings: Settings, *, failures: int = 0) -> Next:
    """When to poll again. ``failures``: how many polls before this one failed in a row."""
    interval = settings.feed_interval_seconds
    if isinstance(outcome_, Fetched):
        return Next(now + timedelta(seconds=interval), "fetched")
    if isinstance(outcome_, NotModified):
        return Next(now + timedelta(seconds=interval), "not-modified")
    if outcome_.reason in ENDED:
        return Next(None, outcome_.reason)
    asked = retry_after_seconds(outcome_.retry_after, now)
    if asked is not None:
        return Next(now + timedelta(seconds=min(max(asked, interval), WAIT_SECONDS_MAX)), "retry-after")
    # The exponent is bounded too: a feed that is down for a year must not overflow a float.
    wait = min(interval * 2 ** min(failures, 20), max(interval, WAIT_SECONDS_MAX))
    return Next(now + timedelta(seconds=wait), "backoff")


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """The wait that a Retry-After header asks for, in seconds or as a date; None when it says nothing of use."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


def document_of(fetched: Fetched) -> Document:
    """What was fetched, ready to be parsed as a feed."""
    return Document(
        kind="feed",
        data=fetched.body,
        bytes_max=len(fetched.body),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Polls feeds into a broker whose topics exist. ``on_visit`` is told of every poll."""

    producer: Producer
    parse: Parse
    settings: Settings
    metrics: Metrics
    on_visit: Callable[[Visit], None]
    allow_private: bool = False
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def once(self, urls: Sequence[str]) -> None:
        """Poll each feed one time."""
        for url in urls:
            self._visit(_Known(url))

    def run(self, urls: Sequence[str], stop: threading.Event) -> None:
        """Poll each feed when it is due, until ``stop`` is set or every feed has ended."""
        order = itertools.count()
        due = [(self.clock(), next(order), _Known(url)) for url in urls]
        heapq.heapify(due)
        while due and not stop.is_set():
            when, _, known = due[0]
            # wait() is the interval and the way to stop in one.
            if stop.wait(max(0.0, (when - self.clock()).total_seconds())):
                return
            heapq.heappop(due)
            following = self._visit(known)
            if following.when is not None:
                heapq.heappush(due, (following.when, next(order), known))

    def _visit(self, known: _Known) -> Next:
        result = fetch(known.url, known.state, self.settings, allow_private=self.allow_private)
        tally, items = Tally(), 0
        if isinstance(result, Fetched):
            try:
                tally, items = self._publish(known, result)
            except Rejected as rejected:
                result = Failed("not-a-feed", str(rejected))
            except BrokerUnavailable as error:
                result = Failed("broker-unavailable", str(error))
        following = next_poll(result, self.clock(), self.settings, failures=known.failures)
        known.failures = known.failures + 1 if isinstance(result, Failed) else 0
        self.metrics.feed_fetches.labels(_label(result)).inc()
        self.on_visit(Visit(known.url, result, tally, items, following))
        return following

    def _publish(self, known: _Known, document: Fetched) -> tuple[Tally, int]:
        items = accepted(self.parse(document_of(document)), known.url, self.clock(), self.settings)
        prints = [_print(item) for item in items]
        new = [item for item, seen in zip(items, prints, strict=True) if seen not in known.published]
        tally = publish(new, self.producer, stage=STAGE, metrics=self.metrics)
        # Only now: were the broker away, the next poll must get all of it again.
        known.state = document.state
        known.published = frozenset(prints)
        known.url = document.moved or known.url
        return tally, len(items)


def _label(result: Outcome) -> str:
    if isinstance(result, Failed):
        return result.reason
    return "fetched" if isinstance(result, Fetched) else "not-modified"


def _print(item: Item) -> bytes:
    """Tells whether an item was published before as it is now."""
    if isinstance(item.outcome, Rejected):
        return hashlib.sha256(item.original).digest()
    return f"{item.outcome.id}{item.outcome.content_hash}".encode()
