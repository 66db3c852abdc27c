"""``wirewatch publish``: articles from files, folders and standard input to the broker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from producers.accept import Item
from producers.apart import Apart
from producers.files import STDIN, Reader, Skipped
from producers.formats import Format
from producers.publish import Tally, publish
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import BrokerUnavailable, Rejected
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings, load
from wirewatch.topics import specs

OnBatch = Callable[[Sequence[Item]], None]


@click.command(
    epilog="Examples: `wirewatch publish article.txt feeds/ archive.jsonl`, "
    "`cat articles.jsonl | wirewatch publish -`, `wirewatch publish --dry-run page.html`."
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "format_",
    type=click.Choice([each.value for each in Format]),
    help="Format of everything given; otherwise the extension decides, then the content.",
)
@click.option("--source", help="Publisher of everything given; otherwise what the input says, or the URL's host.")
@click.option("--dry-run", is_flag=True, help="Read and check only: no broker is needed, nothing is sent.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per article or rejection on standard output.")
def command(paths: Sequence[str], format_: str | None, source: str | None, dry_run: bool, as_json: bool) -> int:
    """Publish articles from files, folders (all the way down) or standard input (-).

    Text (the first line is the title), HTML pages, JSON Lines, JSON, RSS, Atom and JSON Feed. Publishing the same
    article twice counts it once. What cannot be accepted is kept in the dead letters, with the reason, and shown here.
    Exit code 1 when anything was rejected.
    """
    settings = load()
    apart = Apart()
    reader = Reader(
        clock=lambda: datetime.now(UTC),
        article_bytes_max=settings.article_bytes_max,
        file_bytes_max=settings.fetch_bytes_max,
        source=source,
        format=Format(format_) if format_ else None,
        parse=apart,
    )
    skipped: list[Skipped] = []
    items = _without_skipped(reader.read(paths), skipped)
    with apart, _reporting(as_json, show_accepted=dry_run) as on_batch:
        tally = _checked(items, on_batch) if dry_run else _published(items, settings, on_batch, live=STDIN in paths)
    for file in skipped:
        click.echo(f"{file.path}: skipped: {file.why}", err=True)
    click.echo(_summary(tally, dry_run=dry_run), err=as_json)
    return 1 if tally.rejected else 0


def _published(items: Iterable[Item], settings: Settings, on_batch: OnBatch, *, live: bool) -> Tally:
    broker = open_broker(settings)
    admin = broker.admin()
    try:
        admin.create_topics(specs(settings))
    finally:
        admin.close()
    producer = broker.producer()
    try:
        return publish(items, producer, stage="publish", metrics=Metrics(), on_batch=on_batch, live=live)
    except BrokerUnavailable as error:
        message = f"{error}; publish it again when the broker is back: what is repeated counts once"
        raise BrokerUnavailable(message) from error
    finally:
        producer.close()


def _checked(items: Iterable[Item], on_batch: OnBatch) -> Tally:
    published = rejected = 0
    for item in items:
        rejected += isinstance(item.outcome, Rejected)
        published += not isinstance(item.outcome, Rejected)
        on_batch([item])
    return Tally(published, rejected)


def _without_skipped(read: Iterable[Item | Skipped], skipped: list[Skipped]) -> Iterator[Item]:
    for found in read:
        if isinstance(found, Skipped):
            skipped.append(found)
        else:
            yield found


@contextmanager
def _reporting(as_json: bool, *, show_accepted: bool) -> Iterator[OnBatch]:
    """What is called with each batch: JSON lines for machines; for people a count while it runs, and rejections."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed} articles read"))
    # Rich writes redirected streams line by line above the progress display.
    with Progress(*columns, console=console, transient=True, disable=not console.is_interactive) as progress:
        task = progress.add_task("publish", total=None)

        def report(batch: Sequence[Item]) -> None:
            for item in batch:
                _report(item, as_json, show_accepted)
            progress.advance(task, len(batch))

        yield report


def _report(item: Item, as_json: bool, show_accepted: bool) -> None:
    if isinstance(item.outcome, Rejected):
        click.echo(f"{item.origin}: {item.outcome.reason}: {item.outcome.detail}", err=True)
        line = {"status": "rejected", "reason": item.outcome.reason, "detail": item.outcome.detail}
    else:
        if show_accepted and not as_json:
            article = item.outcome
            click.echo(f"{item.origin}: {article.title or article.text[:80]} ({article.source})")
        line = {"status": "accepted", "id": item.outcome.id}
    if as_json:
        click.echo(msgspec.json.encode({"origin": item.origin} | line).decode())


def _summary(tally: Tally, *, dry_run: bool) -> str:
    articles = "1 article" if tally.published == 1 else f"{tally.published} articles"
    if dry_run:
        return f"{articles} would be published, {tally.rejected} rejected"
    kept = " (kept in dead letters)" if tally.rejected else ""
    return f"{articles} published, {tally.rejected} rejected{kept}"
