"""What is published and which faults are injected when: all of it decided by the seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from wirewatch.records import Article

Kind = Literal["kill", "freeze", "kill-redis", "cut-redis", "kill-broker"]
Encode = Callable[[Article], bytes]
STAGES = ("actors", "entities", "counters", "relay")
DUPLICATES = 0.05
MALFORMED = 0.01


@dataclass(frozen=True, slots=True)
class Fault:
    """``target``: the stage that a kill or a freeze hits; empty for servers."""

    kind: Kind
    target: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.target}".strip()


@dataclass(frozen=True, slots=True)
class Sending:
    """One record for articles.v1: an article, or bytes that are none."""

    key: bytes
    value: bytes
    article: Article | None


def faults(seed: int, *, stages: int, redis: int, broker: int) -> list[Fault]:
    """So many faults of each kind, in a random order. A tenth of those of stages are freezes (SIGSTOP, later SIGCONT);
    half of those of Redis also cut a piece off the end of its append-only file."""
    chance = random.Random(f"faults {seed}")
    chosen = [Fault("freeze" if n % 10 == 9 else "kill", chance.choice(STAGES)) for n in range(stages)]
    chosen += [Fault("cut-redis" if n % 2 else "kill-redis") for n in range(redis)]
    chosen += [Fault("kill-broker") for _ in range(broker)]
    chance.shuffle(chosen)
    return chosen


def sendings(articles: Sequence[Article], encode: Encode, seed: int) -> Iterator[Sending]:
    """The articles in order, with repeats of earlier ones and malformed records among them."""
    chance = random.Random(f"sendings {seed}")
    for n, article in enumerate(articles):
        yield Sending(article.id.encode(), encode(article), article)
        if n and chance.random() < DUPLICATES:
            again = articles[chance.randrange(n)]
            yield Sending(again.id.encode(), encode(again), again)
        if chance.random() < MALFORMED:
            yield Sending(b"malformed", b"\xff malformed %d of %d" % (n, seed), None)
