"""Synthetic articles for benchmarks: the same for the same seed, in the words of the samples."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from wirewatch.records import Article

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NAMES = re.compile(r"(?i)nav?t?o|otan|ira[nk]|teheran|islamit|daesh|\bIS\b|jihad|coalitie|\bisi[sl]\b|quds")


def generate(texts: Sequence[str], *, count: int, words: int, naming: float, seed: int) -> Iterator[Article]:
    """``count`` articles of about ``words`` words, made of the sentences of ``texts``.

    A share of ``naming`` holds one sentence that names an actor; the others hold none. First seen times are spread
    over one day from 2026-01-01 UTC, so that counters of every hour are written.
    """
    random_ = random.Random(seed)  # noqa: S311 - not for secrets
    sentences = [s for text in texts for s in _SENTENCE_END.split(text) if 4 <= len(s.split()) <= 40]
    plain = [s for s in sentences if not _NAMES.search(s)]
    named = [s for s in sentences if _NAMES.search(s)]
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
            language="nl",
            first_seen=datetime.fromtimestamp(start + 86_400 * n / count, UTC),
            content_hash=f"{n:064x}",
        )
