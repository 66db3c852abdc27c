"""Synthetic articles for benchmarks: the same for the same seed, in the words of the samples."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from consumers.recognise import Recogniser, explain
from wirewatch.records import Article

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


LANGUAGE = "nl"


def generate(
    samples: Iterable[Article], recogniser: Recogniser, *, count: int, words: int, naming: float, seed: int
) -> Iterator[Article]:
    """``count`` Dutch articles of about ``words`` words, made of the sentences of the Dutch ``samples``.

    A share of ``naming`` holds one sentence that names an actor; the others hold none. First seen times are spread
    over one day from 2026-01-01 UTC, so that counters of every hour are written.
    """
    random_ = random.Random(seed)  # noqa: S311 - not for secrets
    plain, named = _sentences(samples, recogniser)
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    for n in range(count):
        chosen: list[str] = []
        length = 0
        while length < words:
            chosen.append(random_.choice(plain))
            length += len(chosen[-1].split())
        if random_.random() < naming:
            chosen[random_.randrange(len(chosen))] = random_.choice(named)
        yield Article(
            id=f"{seed:08x}{n:024x}",
            source=f"source-{n % 50}.example",
            title=" ".join(chosen[0].split()[:10]),
            text=" ".join(chosen),
            language=LANGUAGE,
            first_seen=datetime.fromtimestamp(start + 86_400 * n / count, UTC),
            content_hash=f"{n:064x}",
        )


def _sentences(samples: Iterable[Article], recogniser: Recogniser) -> tuple[list[str], list[str]]:
    """Those with nothing that could name an actor, and those that name one, also when they stand alone."""
    plain: list[str] = []
    named: list[str] = []
    for article in samples:
        if article.language != LANGUAGE:
            continue
        for sentence in _SENTENCE_END.split(article.text):
            if 4 <= len(sentence.split()) <= 40:
                alone = msgspec.structs.replace(article, title="", summary=None, text=sentence)
                _, verdicts = explain(alone, recogniser)
                if not verdicts:
                    plain.append(sentence)
                elif any(verdict.matched for verdict in verdicts):
                    named.append(sentence)
    return plain, named
