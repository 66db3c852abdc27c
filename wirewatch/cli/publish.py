"""``wirewatch publish``: articles from files, folders and standard input to the broker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import click

from producers.accept import Item
from producers.apart import Apart
from producers.files import STDIN, Reader, Skipped
from producers.formats import Format
from producers.publish import Tally, publish
from wirewatch.broker import Broker
from wirewatch.cli.publish_report import OnBatch, reporting, summary
from wirewatch.cli.publish_watch import watch
from wirewatch.cli.signals import close_stdout
from wirewatch.cli.wiring import open_broker
from wirewatch.errors import BrokerUnavailable, Rejected, UsageError, UserError
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings, load
from wirewatch.topics import specs


@click.command(
    epilog="Examples: `wirewatch publish article.txt feeds/ archive.jsonl`, "
    "`cat articles.jsonl | wirewatch publish -`, `wirewatch publish --watch inbox/`, "
    "`wirewatch publish --format ninjs wire/`, `wirewatch publish 20200106101500.gkg.csv.zip`, "
    "`wirewatch publish crawl.warc.gz`, `wirewatch publish --dry-run page.html`."
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "format_",
    type=click.Choice([each.value for each in Format]),
    help="Format of everything given; otherwise the extension decides, then the content.",
)
@click.option("--source", help="Publisher of everything given; otherwise what the input says, or the URL's host.")
@click.option(
    "--watch", "watched", is_flag=True, help="PATH is a folder: publish every file put into it, until stopped."
)
@click.option("--dry-run", is_flag=True, help="Read and check only: no broker is needed, nothing is sent.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per article or rejection on standard output.")
def command(
    paths: Sequence[str], format_: str | None, source: str | None, watched: bool, dry_run: bool, as_json: bool
) -> int:
    """Publish articles from files, folders (all the way down) or standard input (-).

    Text (the first line is the title), HTML pages, JSON Lines, JSON, RSS, Atom and JSON Feed; ninjs of the IPTC; GKG
    files of GDELT and answers of its DOC API (headlines only, as it gives no text); web archives (WARC, WET, also
    gzipped); and ZIP files of all these. Publishing the same article twice counts it once, so what was interrupted
    is simply published again. What cannot be accepted is kept in the dead letters, with the reason, and shown here.
    Exit code 1 when anything was rejected.

    With --watch every file that is complete is published and then moved to done/ in that folder, or to failed/ when
    anything of it was rejected. A file is complete when it has not changed for three seconds and nobody writes it;
    names that begin with a dot or end in .tmp or .part are left. Write under such a name, then rename: that is safe on
    every file system.
    """
    settings = load()
    if watched and (dry_run or len(paths) != 1):
        raise UsageError("--watch takes one folder, and no --dry-run")
    apart = Apart()
    reader = Reader(
        clock=lambda: datetime.now(UTC),
        article_bytes_max=settings.article_bytes_max,
        file_bytes_max=settings.fetch_bytes_max,
        source=source,
        format=Format(format_) if format_ else None,
        parse=apart,
    )
    with apart:
        if watched:
            return watch(paths[0], reader, _with_topics(settings), settings, as_json=as_json)
        return _publish(paths, reader, settings, dry_run=dry_run, as_json=as_json)


def _publish(paths: Sequence[str], reader: Reader, settings: Settings, *, dry_run: bool, as_json: bool) -> int:
    skipped: list[Skipped] = []
    try:
        with reporting(reader.progress, as_json=as_json, show_accepted=dry_run) as (reading, on_batch):
            items = _without_skipped(reading(reader.read(paths)), skipped)
            tally = _checked(items, on_batch) if dry_run else _published(items, settings, on_batch, live=STDIN in paths)
    except BrokenPipeError as error:
        close_stdout()
        message = "standard output was closed, so reading stopped; publish it again: what is repeated counts once"
        raise UserError(message) from error
    for file in skipped:
        click.echo(f"{file.path}: skipped: {file.why}", err=True)
    click.echo(summary(tally, dry_run=dry_run), err=as_json)
    return 1 if tally.rejected else 0


def _with_topics(settings: Settings) -> Broker:
    broker = open_broker(settings)
    admin = broker.admin()
    try:
        admin.create_topics(specs(settings))
    finally:
        admin.close()
    return broker


def _published(items: Iterable[Item], settings: Settings, on_batch: OnBatch, *, live: bool) -> Tally:
    producer = _with_topics(settings).producer()
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
