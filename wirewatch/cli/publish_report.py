"""What ``wirewatch publish`` tells while it runs and at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from producers.accept import Item
from producers.files import Progress as Bytes
from producers.files import Skipped
from producers.publish import Tally
from wirewatch.errors import Rejected

OnBatch = Callable[[Sequence[Item]], None]
Reading = Callable[[Iterable[Item | Skipped]], Iterator[Item | Skipped]]


@contextmanager
def reporting(read: Bytes, *, as_json: bool, show_accepted: bool) -> Iterator[tuple[Reading, OnBatch]]:
    """What to lead everything that is read through, and what to call with each batch.

    JSON lines for machines; for people rejections, and on a terminal a bar of the bytes ``read``.
    """
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[items]:,} articles read"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    # Rich writes redirected streams line by line above the progress display.
    with Progress(*columns, console=console, transient=True, disable=not console.is_interactive) as progress:
        task = progress.add_task("publish", total=None, items=0)

        def reading(found: Iterable[Item | Skipped]) -> Iterator[Item | Skipped]:
            items = 0
            for each in found:
                items += isinstance(each, Item)
                # Of standard input there is no total, and the bar only moves.
                progress.update(task, total=read.total or None, completed=read.done, items=items)
                yield each

        def on_batch(batch: Sequence[Item]) -> None:
            for item in batch:
                report(item, as_json, show_accepted)

        yield reading, on_batch


def report(item: Item, as_json: bool, show_accepted: bool) -> None:
    """One article or rejection."""
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


def summary(tally: Tally, *, dry_run: bool = False) -> str:
    """What became of everything, in one line."""
    articles = "1 article" if tally.published == 1 else f"{tally.published:,} articles"
    if dry_run:
        return f"{articles} would be published, {tally.rejected:,} rejected"
    kept = " (kept in dead letters)" if tally.rejected else ""
    return f"{articles} published, {tally.rejected:,} rejected{kept}"
