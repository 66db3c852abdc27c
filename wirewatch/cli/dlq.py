"""``wirewatch dlq``: list, show and replay dead letters."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click
import msgspec
from rich.table import Table
from rich.text import Text

from producers.accept import accept, parse_raw
from wirewatch.broker import Admin, Broker, Message
from wirewatch.cli.render import clean, terminal
from wirewatch.cli.wiring import open_broker
from wirewatch.codec import decode
from wirewatch.dead_letters import DeadLetter, parse_headers
from wirewatch.errors import Rejected, UsageError, UserError
from wirewatch.records import Article
from wirewatch.settings import Settings, load
from wirewatch.topics import ARTICLES, DEAD_LETTERS

_READ_MESSAGES = 500
_SHOWN_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter and its place in the dead-letter topic."""

    message: Message
    about: DeadLetter

    @property
    def id(self) -> str:
        return f"{self.message.partition}:{self.message.offset}"

    @property
    def origin(self) -> tuple[object, ...]:
        """What makes two dead letters the same one. Input that was in no topic is told apart by its bytes."""
        about = self.about
        if about.topic is not None and about.offset is not None:
            return about.topic, about.partition, about.offset
        return about.stage, about.origin, about.reason, self.message.value

    def flat(self) -> dict[str, object]:
        written = datetime.fromtimestamp(self.message.timestamp_ms / 1000, UTC)
        fields: dict[str, object] = msgspec.to_builtins(self.about)
        return {"id": self.id, "time": msgspec.to_builtins(written), "bytes": len(self.message.value), **fields}


@click.group()
def command() -> None:
    """List, show and replay dead letters: input that was rejected, kept with the reason."""


@command.command("list", epilog="Examples: `wirewatch dlq list`, `wirewatch dlq list --reason invalid --json`.")
@click.option("--reason", help="Only this reason.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(reason: str | None, as_json: bool) -> None:
    """List dead letters, each rejected input once."""
    with _Letters(load()) as letters:
        found = list(letters.read(reason))
    if as_json:
        for letter in found:
            click.echo(msgspec.json.encode(letter.flat()))
    elif found:
        terminal().print(_table(found))
    else:
        click.echo("no dead letters" + (f" with the reason {reason!r}" if reason else ""))


@command.command(epilog="Examples: `wirewatch dlq show 3:17`, `wirewatch dlq show 3:17 --raw > rejected.json`.")
@click.argument("letter_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Write the original bytes and nothing else.")
def show(letter_id: str, raw: bool) -> None:
    """Show one dead letter: the reason, where it came from, and the original input.

    ID is partition:offset, as `wirewatch dlq list` shows it.
    """
    with _Letters(load()) as letters:
        letter = letters.one(letter_id)
    if raw:
        sys.stdout.buffer.write(letter.message.value)
        return
    for name, value in letter.flat().items():
        if value not in (None, ""):
            click.echo(f"{name:<12} {clean(str(value))}")
    value = letter.message.value
    text = value[:_SHOWN_BYTES_MAX].decode("utf-8", "backslashreplace")
    click.echo("\n" + "\n".join(clean(line) for line in text.split("\n")))
    if len(value) > _SHOWN_BYTES_MAX:
        click.echo(f"… {len(value) - _SHOWN_BYTES_MAX:,} bytes more; --raw writes all")


@command.command(epilog="Examples: `wirewatch dlq replay 3:17 3:18`, `wirewatch dlq replay --all --reason invalid`.")
@click.argument("letter_ids", nargs=-1, metavar="ID...")
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
@click.option("--reason", help="With --all: only this reason.")
def replay(letter_ids: Sequence[str], everything: bool, reason: str | None) -> int:
    """Publish rejected articles again, with the same article id, and say what happened to each.

    What is no article even now is left where it is. Replaying twice counts an article once.
    """
    if everything == bool(letter_ids) or (reason and not everything):
        raise UsageError("name the dead letters to replay, or write --all (with --reason R for one reason)")
    settings = load()
    with _Letters(settings) as letters:
        chosen = list(letters.read(reason)) if everything else [letters.one(each) for each in letter_ids]
        return _replay(letters.broker, settings, chosen)


def _replay(broker: Broker, settings: Settings, chosen: Sequence[Letter]) -> int:
    """Exit code: 1 when there is one that could not be published."""
    producer = broker.producer()
    failed = 0
    try:
        for letter in chosen:
            try:
                article = _article(letter.message.value, settings)
            except Rejected as rejected:
                failed += 1
                click.echo(f"{letter.id}  still no article: {clean(str(rejected))}")
                continue
            delivery = producer.send(ARTICLES.name, ARTICLES.encode(article), key=article.id.encode())
            producer.flush()
            partition, offset = delivery.position()
            click.echo(f"{letter.id}  published as article {article.id} at {ARTICLES.name} {partition}:{offset}")
    finally:
        producer.close()
    click.echo(f"{len(chosen) - failed} published, {failed} not")
    return 1 if failed else 0


def _article(value: bytes, settings: Settings) -> Article:
    """The bytes as an article record, or else as a raw article that a producer would take. Raises Rejected."""
    try:
        return decode(ARTICLES, value)
    except Rejected:
        return accept(parse_raw(value), now=datetime.now(UTC), article_bytes_max=settings.article_bytes_max)


class _Letters:
    """Reads the dead-letter topic."""

    def __init__(self, settings: Settings) -> None:
        self.broker = open_broker(settings)
        self._admin: Admin = self.broker.admin()

    def __enter__(self) -> _Letters:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()

    def read(self, reason: str | None) -> Iterator[Letter]:
        """Each rejected input once, in the order of the topic's partitions."""
        met: set[tuple[object, ...]] = set()
        for partition, (start, end) in sorted(self._admin.offsets(DEAD_LETTERS.name).items()):
            while start < end:
                messages = self._admin.read(DEAD_LETTERS.name, partition, start, _READ_MESSAGES)
                if not messages:
                    break
                for message in messages:
                    letter = Letter(message, parse_headers(message))
                    if letter.origin not in met and reason in (None, letter.about.reason):
                        yield letter
                    met.add(letter.origin)
                start = messages[-1].offset + 1

    def one(self, letter_id: str) -> Letter:
        partition, separator, offset = letter_id.partition(":")
        if not (separator and partition.isdecimal() and offset.isdecimal()):
            raise UsageError(f"{letter_id!r} is no dead letter: write partition:offset, as `wirewatch dlq list` shows")
        known = self._admin.offsets(DEAD_LETTERS.name)
        first, end = known.get(int(partition), (0, 0))
        if first <= int(offset) < end:
            messages = self._admin.read(DEAD_LETTERS.name, int(partition), int(offset), 1)
            if messages and messages[0].offset == int(offset):
                return Letter(messages[0], parse_headers(messages[0]))
        raise UserError(f"there is no dead letter {letter_id} (any more): see `wirewatch dlq list`")


def _table(letters: Sequence[Letter]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("Id", "Time (UTC)", "Reason", "Stage", "From", "Detail"):
        table.add_column(title)
    for letter in letters:
        about = letter.about
        written = datetime.fromtimestamp(letter.message.timestamp_ms / 1000, UTC)
        place = f"{about.topic} {about.partition}:{about.offset}" if about.topic else ""
        cells = (letter.id, f"{written:%Y-%m-%d %H:%M}", about.reason, about.stage, about.origin or place, about.detail)
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table
