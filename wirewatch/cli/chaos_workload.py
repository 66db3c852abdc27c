"""What a campaign publishes: articles, some twice, malformed records, and articles that end a worker process."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from wirewatch.chaos.producer import Record
from wirewatch.cli.chaos_entities import KILLER
from wirewatch.records import Article
from wirewatch.topics import ARTICLES

DUPLICATES, MALFORMED, KILLERS = 0.05, 0.01, 0.001
_FORMS = (b'{"id": "%s"', b'{"id": "%s"}', b'["%s"]', b"\xff%s", b"%s")
"""Not whole, fields missing, no object, no UTF-8, no JSON."""


def sound(count: int) -> int:
    """How many different articles to make for ``count`` records."""
    return round(count / (1 + DUPLICATES + MALFORMED))


def compose(articles: Sequence[Article], count: int, seed: int) -> list[Record]:
    """``count`` records in the order in which they are sent: the articles, some of them twice or ending a worker, and
    malformed ones. The same for the same arguments."""
    random_ = random.Random(seed)  # noqa: S311 - not for secrets
    killers = set(random_.sample(range(len(articles)), min(len(articles), round(count * KILLERS))))
    whole = [_record(article, n in killers) for n, article in enumerate(articles)]
    records: list[Record] = []
    for n, record in enumerate(whole):
        records.append(record)
        while len(records) + len(whole) - n - 1 < count and random_.random() < DUPLICATES + MALFORMED:
            if random_.random() < MALFORMED / (DUPLICATES + MALFORMED):
                records.append(_malformed(random_, seed, len(records)))
            else:
                records.append(whole[random_.randint(max(0, n - 500), n)])
    return records + records[:1] * (count - len(records))  # what chance left open


def _record(article: Article, ends_worker: bool) -> Record:
    if ends_worker:
        article = msgspec.structs.replace(article, text=f"{article.text} {KILLER}")
    return Record(article.id.encode(), ARTICLES.encode(article), article.id, ends_worker)


def _malformed(random_: random.Random, seed: int, number: int) -> Record:
    name = b"bad-%x-%d" % (seed & 0xFFFFFFFF, number)
    return Record(name, random_.choice(_FORMS) % name, None)
