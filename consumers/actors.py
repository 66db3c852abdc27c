"""The ``actors`` stage: articles in, the watched actors that they name out."""

from __future__ import annotations

from collections.abc import Sequence

from consumers import watchlist_file
from consumers.recognise import Recogniser, compile_watchlist, recognise
from consumers.stories.sketch import sketch
from wirewatch.errors import Rejected
from wirewatch.records import Article, Mentions
from wirewatch.stage import Apply, Context, Marked, Received, Transform
from wirewatch.topics import ARTICLES, MENTIONS


def mentions_of(received: Received[Article], recogniser: Recogniser) -> Mentions:
    """The record for one article: ``ok`` where an actor was found, else ``none``. Total and deterministic."""
    article = received.record
    found = recognise(article, recogniser)
    named = {mention.text for actor in found.actors for mention in actor.mentions}
    return Mentions(
        status="ok" if found.actors else "none",
        article_id=article.id,
        source=article.source,
        title=article.title,
        url=article.url,
        language=found.language,
        published=article.published,
        first_seen=article.first_seen,
        received_ms=received.message.timestamp_ms,
        actors=found.actors,
        sentences=found.sentences,
        paragraphs=found.paragraphs,
        watchlist_version=recogniser.watchlist.version,
        sketch=sketch(article, named) if found.actors else "",
        revision=article.revision,
    )


def _open(context: Context) -> Apply[Article, Mentions]:
    """Load the watchlist once per process. Raises UserError where it has a mistake."""
    recogniser = compile_watchlist(watchlist_file.of_settings(context.settings))

    def apply(batch: Sequence[Received[Article]]) -> Sequence[Mentions | Rejected]:
        return [mentions_of(received, recogniser) for received in batch]

    return apply


def _mark(marked: Marked) -> Mentions:
    key = marked.message.key
    return Mentions(
        status=marked.status,
        article_id=key.decode("utf-8", "replace") if key is not None else None,
        reason=marked.reason,
        received_ms=marked.message.timestamp_ms,
    )


def _key(mentions: Mentions) -> str | None:
    return mentions.article_id


ACTORS: Transform[Article, Mentions] = Transform(
    name="actors",
    summary="Recognises the watched actors that an article names.",
    reads=ARTICLES,
    writes=MENTIONS,
    open=_open,
    mark=_mark,
    key=_key,
    dead_letters_undecodable=True,
)
