"""``wirewatch feeds check``: all that there is to say about one address."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import click
import msgspec

from producers.accept import Item
from producers.apart import Apart
from producers.documents import Document, Parse
from producers.feed import Feed
from producers.feeds import websub
from producers.feeds.discover import usual_places
from producers.feeds.fetch import Conditional, Failed, Fetched, Fetcher, Outcome, fetch
from producers.feeds.intake import Took, accepted, document_of
from producers.feeds.pages import Pages, wants_page
from producers.feeds.rhythm import Next, Rhythm, arrived, next_poll
from wirewatch.errors import Rejected, StoreUnavailable, UserError
from wirewatch.feed_state import FeedKeys, health, read_states, spoken
from wirewatch.metrics import Metrics
from wirewatch.records import Article
from wirewatch.redis_client import address, answers, connect
from wirewatch.settings import Settings, load

ALLOW_PRIVATE = click.option(
    "--allow-private",
    is_flag=True,
    help="Also fetch from addresses of private networks and from any port. For feeds of your own network only.",
)

Facts = dict[str, str | int | list[str]]


@click.command(epilog="Example: `wirewatch feeds check https://example.org/feed`.")
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@ALLOW_PRIVATE
def check(url: str, as_json: bool, allow_private: bool) -> int:
    """Fetch a feed once and say what a poll would give; of a web page, which feeds it offers.

    Needs no broker and no Redis, publishes nothing; with Redis it also says how the feed is on the list.
    Exit code 1 when a poll would fail.
    """
    with Apart() as parse:
        facts = _facts(url, load(), allow_private, parse)
    if as_json:
        click.echo(msgspec.json.encode(facts).decode())
    else:
        for name, value in facts.items():
            for line in value if isinstance(value, list) else [value]:
                click.echo(f"{name + ':':<16}{line}")
    return 1 if "failure" in facts else 0


def _facts(url: str, settings: Settings, allow_private: bool, parse: Parse) -> Facts:
    """What there is to say about a feed, in the order in which to say it."""
    now = datetime.now(UTC)
    document = fetch(url, Conditional(), settings, allow_private=allow_private)
    facts: Facts = {"url": url} | _listed(url, settings, now)
    if not isinstance(document, Fetched):
        failure = f"{document.reason}: {document.detail}" if isinstance(document, Failed) else "304 to a first request"
        return facts | {"failure": failure, "next poll": following(next_poll(document, now, settings))}
    facts |= _served(document)
    try:
        feed = parse(document_of(document, settings))
    except Rejected as rejected:
        return facts | {"failure": f"not-a-feed: {rejected}"} | _advice(document, settings, parse)
    began = time.perf_counter()
    parse(document_of(document, settings))  # the first time, the parser had to start
    facts["parsed in"] = f"{(time.perf_counter() - began) * 1000:.0f} ms"
    if feed.children:
        return facts | {"sitemap index": list(feed.children), "try": "one of them: a poll reads all"}
    items = accepted(feed, url, now, settings)
    facts |= {"push": _push(document, feed, settings)}
    return facts | _content(feed, items) | _plan(items, document, now, settings, allow_private, parse)


def _listed(url: str, settings: Settings, now: datetime) -> Facts:
    """How it is on the list, where there is one."""
    try:
        client = connect(address(settings))
        keys = FeedKeys(settings.redis_prefix)
        with answers():
            listed = client.hexists(keys.listed, url)
        [state] = read_states(client, keys, [url])
        client.close()
    except (UserError, StoreUnavailable):
        return {}
    if not listed:
        return {"on the list": f"no: `wirewatch feeds import {url}` puts it there"}
    how = health(state, now)
    due = f"; next poll {state.next_poll:%Y-%m-%dT%H:%M:%SZ}" if state.next_poll else ""
    error = f"; last error {state.last_error}" if state.last_error else ""
    return {"on the list": f"{how.word}: {how.detail}; {state.articles:,} articles so far{due}{error}"}


def _served(document: Fetched) -> Facts:
    return {
        "final url": document.url,
        "moved": f"for good, to {document.moved}: a poll will ask there" if document.moved else "no",
        "content type": document.content_type or "none",
        "bytes": len(document.body),
        "conditional": conditional(document.state),
        "cache": f"fresh for {spoken(timedelta(seconds=document.max_age))}" if document.max_age else "not stated",
    }


def _advice(document: Fetched, settings: Settings, parse: Parse) -> Facts:
    page = Document(kind="offers", data=document.body, bytes_max=settings.fetch_bytes_max, url=document.url)
    try:
        offers = parse(page).children
    except Rejected:
        offers = ()
    return {"feeds offered": list(offers)} if offers else {"try": usual_places(document.url)}


def _push(document: Fetched, feed: Feed, settings: Settings) -> str:
    offer = websub.offered(document, Took(hubs=feed.hubs, topic=feed.topic))
    if offer is None:
        return "not offered"
    use = "is used for feeds on the list" if settings.websub_url else "is used once WIREWATCH_WEBSUB_URL is set"
    return f"hub {offer[0]} for {offer[1]}; {use}"


def _content(feed: Feed, items: Sequence[Item]) -> Facts:
    articles = _articles(items)
    newest = max((article.published for article in articles if article.published), default=None)
    return {
        "title": feed.title,
        "source": feed.source or "none",
        "language": feed.language or "not declared",
        "items": len(items),
        "articles": [f"{article.title or article.text[:80]} ({article.source})" for article in articles],
        "rejected": [f"{item.origin}: {item.outcome}" for item in items if isinstance(item.outcome, Rejected)],
        "newest": newest.isoformat() if newest else "no item has a date",
    }


def _plan(
    items: Sequence[Item], document: Outcome, now: datetime, settings: Settings, allow_private: bool, parse: Parse
) -> Facts:
    articles = _articles(items)
    dates = [article.published for article in articles if article.published]
    rhythm = arrived(Rhythm(), len(articles), dates, now)
    gap = rhythm.gap_seconds
    return {
        "full text": _full_text(articles, settings, allow_private, parse),
        "rhythm": f"one article in {spoken(timedelta(seconds=gap))}" if gap else "unknown",
        "next poll": following(next_poll(document, now, settings, rhythm=rhythm)),
    }


def _full_text(articles: Sequence[Article], settings: Settings, allow_private: bool, parse: Parse) -> str:
    """Whether reading the pages (``feeds import --full-text``) is needed, and whether it is allowed."""
    short = [article.url for article in articles if wants_page(article) and article.url]
    if not short:
        return "in the feed"

    async def allowed() -> bool:
        async with Fetcher(settings, allow_private=allow_private) as fetcher:
            with ThreadPoolExecutor(1) as threads:
                return await Pages(fetcher, settings, Metrics(), threads, parse).allowed(short[0])

    word = "lets" if asyncio.run(allowed()) else "does not let"
    return f"{len(short)} of {len(articles)} articles have only a summary; robots.txt {word} us read {short[0]}"


def _articles(items: Sequence[Item]) -> list[Article]:
    return [item.outcome for item in items if not isinstance(item.outcome, Rejected)]


def following(plan: Next) -> str:
    """When the next poll is, for people."""
    return f"{plan.when:%Y-%m-%dT%H:%M:%SZ} ({plan.reason})" if plan.when else f"never ({plan.reason})"


def conditional(state: Conditional) -> str:
    """What lets a server say that nothing changed."""
    offered = [name for name, value in (("ETag", state.etag), ("Last-Modified", state.last_modified)) if value]
    return " and ".join(offered) if offered else "none offered: every poll fetches the whole feed"
