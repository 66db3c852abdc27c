"""``wirewatch match``: articles in, what is recognised in them out, by the functions that the stages run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from wirewatch import logs
from wirewatch.errors import Rejected, UserError
from wirewatch.records import ActorMentions, Article, Entity
from wirewatch.settings import Settings, load

# Recognition looks at neither: an article that is only matched was never seen by a producer.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class _Line(msgspec.Struct, frozen=True):
    """One line of input. ``language`` is what the records call ``lang``, so that sample files can be matched too."""

    id: str | int | None = None
    lang: str | None = None
    language: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None


Entities = Callable[[Article, str | None], tuple[Entity, ...]]


@click.command(
    epilog="Examples: `wirewatch match articles.jsonl`, `wirewatch match --actors-only - < articles.jsonl`, "
    '`echo \'{"title": "NAVO-baas waarschuwt Iran"}\' | wirewatch match`.'
)
@click.argument("file", default="-", metavar="[FILE|-]")
@click.option("--watchlist", type=click.Path(path_type=Path), help="Watchlist file; otherwise the configured one.")
@click.option("--actors-only", is_flag=True, help="Skip the trained pipelines: no entities, and much faster.")
def command(file: str, watchlist: Path | None, actors_only: bool) -> int:
    """Recognise actors and entities in articles, without broker or Redis.

    Reads JSON Lines with `id`, `title`, `text` and, where known, `lang` and `summary`. Writes one JSON line per article
    as soon as it is read: `id`, `lang`, `actors` with their mentions, and `entities`. Offsets count characters of the
    field. An article without id gets its line number.

    A line that is no such article is named on standard error, and the exit code is then 1.
    """
    from consumers import watchlist_file
    from consumers.recognise import compile_watchlist, recognise

    settings = load(**({"watchlist": watchlist} if watchlist else {}))
    logs.configure(settings.model_copy(update={"log_level": "warning"}), process="match")
    recogniser = compile_watchlist(watchlist_file.of_settings(settings))
    entities = _no_entities if actors_only else _entities(settings)
    bad = 0
    with _opened(file) as lines:
        for number, outcome in _articles(lines):
            if isinstance(outcome, Rejected):
                bad += 1
                click.echo(f"{_shown(file)}:{number}: {outcome}", err=True)
                continue
            given, article = outcome
            found = recognise(article, recogniser)
            _write(given, found.language, found.actors, entities(article, found.language))
    return 1 if bad else 0


def _articles(lines: Iterable[bytes]) -> Iterator[tuple[int, tuple[str | int, Article] | Rejected]]:
    """Per line that is not blank its number, and the id as given with the article, or why it is none."""
    decoder = msgspec.json.Decoder(_Line)
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            line = decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield number, Rejected("not an article", f"{error}; write one JSON object per line with id, title and text")
            continue
        given = number if line.id is None else line.id
        yield number, (given, _article(str(given), line))


def _article(article_id: str, line: _Line) -> Article:
    return Article(
        id=article_id,
        source="",
        title=line.title or "",
        summary=line.summary,
        text=line.text or "",
        language=line.lang or line.language,
        first_seen=_NEVER,
        content_hash="",
    )


def _no_entities(_: Article, __: str | None) -> tuple[Entity, ...]:
    return ()


def _entities(settings: Settings) -> Entities:
    """The function that extracts entities, with the pipelines that it loads."""
    from consumers.entities import Pipelines

    pipelines = Pipelines(settings)

    def extract(article: Article, language: str | None) -> tuple[Entity, ...]:
        (result,) = pipelines.extract([(article, language)])
        if isinstance(result, Rejected):
            click.echo(f"article {article.id}: {result}; its entities are left out", err=True)
            return ()
        return result.entities

    return extract


def _write(
    given: str | int, language: str | None, actors: tuple[ActorMentions, ...], found: tuple[Entity, ...]
) -> None:
    line = {
        "id": given,
        "lang": language,
        "actors": [
            {
                "id": actor.id,
                "score": actor.score,
                "mentions": [
                    {name: getattr(mention, name) for name in ("text", "start", "end", "field", "kind", "why")}
                    for mention in actor.mentions
                ],
            }
            for actor in actors
        ],
        "entities": [
            {name: getattr(entity, name) for name in ("text", "label", "start", "end", "field")} for entity in found
        ],
    }
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    """The lines of the file, or of standard input for ``-``. Raises UserError where it cannot be read."""
    if file == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            lines = stack.enter_context(Path(file).open("rb"))
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}; name a file of JSON Lines, or - for standard input") from error
        yield lines


def _shown(file: str) -> str:
    return "standard input" if file == "-" else file
