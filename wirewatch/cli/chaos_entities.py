"""The entities stage of a campaign: the real one, but for an extractor that needs no model and obeys one text.

Only ``wirewatch chaos`` starts it, as ``python -m wirewatch.cli.chaos_entities``; no setting leads here.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace

from consumers.entities import EXTRACTION as REAL
from wirewatch.errors import Rejected
from wirewatch.records import Article, Entities, Entity
from wirewatch.settings import load
from wirewatch.stage import Apply, Context, Received

KILLER = "Wie dit leest, die gaat eraan."
"""An article whose text holds this ends the worker process that has it."""
LABEL = "ORG"
# As long as a real extractor needs at the least, so that a kill finds workers at work.
_SECONDS = 0.003


def name_in(article: Article) -> str:
    """The one name that is found: the first word of the title."""
    return article.title.split()[0]


def _extract(item: Received[Article]) -> Entities | Rejected:
    article = item.record
    if KILLER in article.text:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(_SECONDS)
    name = name_in(article)
    return Entities(
        status="ok",
        article_id=article.id,
        source=article.source,
        language=article.language,
        first_seen=article.first_seen,
        received_ms=item.message.timestamp_ms,
        pipeline="chaos",
        entities=(Entity(text=name, label=LABEL, start=0, end=len(name), field="title"),),
    )


def _open(_: Context) -> Apply[Article, Entities]:
    def apply(batch: Sequence[Received[Article]]) -> list[Entities | Rejected]:
        return [_extract(item) for item in batch]

    return apply


EXTRACTION = replace(REAL, open=_open, apart="wirewatch.cli.chaos_entities:EXTRACTION")


def main() -> None:
    """As ``wirewatch consume entities``."""
    from wirewatch.cli.consume import consume_stage

    consume_stage(EXTRACTION, load())


if __name__ == "__main__":
    main()
