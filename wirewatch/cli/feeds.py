"""``wirewatch feeds``: live feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click
import msgspec

from producers.apart import Apart
from producers.feeds import poll as polling
from producers.feeds.fetch import Conditional, Failed, Fetched, NotModified, fetch
from wirewatch import logs, metrics_server
from wirewatch.cli.signals import stop_event
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import Rejected
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings, load
from wirewatch.topics import specs

_ALLOW_PRIVATE = click.option(
    "--allow-private",
    is_flag=True,
    help="Also fetch from addresses of private networks and from any port. For feeds of your own network only.",
)


@click.group(epilog="Examples: `wirewatch feeds check https://example.org/feed`, `wirewatch feeds poll URL --once`.")
def command() -> None:
    """Poll live feeds (RSS, Atom, JSON Feed), or see what a poll would give."""


@dataclass(slots=True)
class _Log:
    """One line per poll; remembers whether one failed."""

    failed: list[str] = field(default_factory=list)

    def __call__(self, visit: polling.Visit) -> None:
        click.echo(f"{visit.url}: {_said(visit)}; {_next(visit.next)}", err=True)
        if isinstance(visit.outcome, Failed):
            self.failed.append(visit.url)


@command.command(
    epilog="Examples: `wirewatch feeds poll https://example.org/feed`, `wirewatch feeds poll URL URL --once`."
)
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--once", is_flag=True, help="Poll each feed one time and stop; exit code 1 when one failed.")
@_ALLOW_PRIVATE
def poll(urls: Sequence[str], once: bool, allow_private: bool) -> int:
    """Poll feeds and publish what is new, until stopped.

    Asks politely: sends back ETag and Last-Modified, honours Retry-After, waits longer after each failure, and ends
    where the server says that a feed is gone.
    """
    settings = load()
    logs.configure(settings, process="feeds")
    stop = stop_event()
    metrics = Metrics().with_process_metrics()
    metrics_server.serve(metrics, settings)
    broker = open_broker(settings)
    admin = broker.admin()
    try:
        admin.create_topics(specs(settings))
    finally:
        admin.close()
    producer = broker.producer()
    log, apart = _Log(), Apart()
    poller = polling.Poller(
        producer=producer, parse=apart, settings=settings, metrics=metrics, on_visit=log, allow_private=allow_private
    )
    try:
        if once:
            poller.once(urls)
        else:
            poller.run(urls, stop)
    finally:
        apart.close()
        producer.close()
    return 1 if once and log.failed else 0


@command.command(epilog="Example: `wirewatch feeds check https://example.org/feed`.")
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@_ALLOW_PRIVATE
def check(url: str, as_json: bool, allow_private: bool) -> int:
    """Fetch a feed once and say what a poll would give. Needs no broker, publishes nothing."""
    facts = _facts(url, load(), allow_private)
    if as_json:
        click.echo(msgspec.json.encode(facts).decode())
    else:
        for name, value in facts.items():
            for line in value if isinstance(value, list) else [value]:
                click.echo(f"{name + ':':<16}{line}")
    return 1 if "failure" in facts else 0


def _facts(url: str, settings: Settings, allow_private: bool) -> dict[str, str | int | list[str]]:
    """What there is to say about a feed, in the order in which to say it."""
    now = datetime.now(UTC)
    document = fetch(url, Conditional(), settings, allow_private=allow_private)
    facts: dict[str, str | int | list[str]] = {"url": url}
    if not isinstance(document, Fetched):
        failure = f"{document.reason}: {document.detail}" if isinstance(document, Failed) else "304 to a first request"
        return facts | {"failure": failure, "next poll": _next(polling.next_poll(document, now, settings))}
    facts |= {
        "final url": document.url,
        "content type": document.content_type or "none",
        "bytes": len(document.body),
        "conditional": _conditional(document.state),
    }
    try:
        with Apart() as parse:
            feed = parse(polling.document_of(document))
    except Rejected as rejected:
        return facts | {"failure": f"not-a-feed: {rejected}"}
    items = polling.accepted(feed, url, now, settings)
    articles = [item.outcome for item in items if not isinstance(item.outcome, Rejected)]
    rejected_items = [f"{item.origin}: {item.outcome}" for item in items if isinstance(item.outcome, Rejected)]
    newest = max((article.published for article in articles if article.published), default=None)
    return facts | {
        "title": feed.title,
        "source": feed.source or "none",
        "language": feed.language or "not declared",
        "items": len(items),
        "articles": [f"{article.title or article.text[:80]} ({article.source})" for article in articles],
        "rejected": rejected_items,
        "newest": newest.isoformat() if newest else "no item has a date",
        "next poll": _next(polling.next_poll(document, now, settings)),
    }


def _said(visit: polling.Visit) -> str:
    if isinstance(visit.outcome, Failed):
        return f"{visit.outcome.reason}: {visit.outcome.detail}"
    if isinstance(visit.outcome, NotModified):
        return "not modified"
    tally = visit.tally
    return f"{visit.items} items, {tally.published} new articles published, {tally.rejected} rejected"


def _next(following: polling.Next) -> str:
    if following.when is None:
        return f"not polled again ({following.reason})"
    return f"next poll at {following.when:%Y-%m-%dT%H:%M:%SZ} ({following.reason})"


def _conditional(state: Conditional) -> str:
    offered = [name for name, value in (("ETag", state.etag), ("Last-Modified", state.last_modified)) if value]
    return " and ".join(offered) if offered else "none offered: every poll fetches the whole feed"
