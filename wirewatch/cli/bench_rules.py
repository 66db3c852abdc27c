"""``wirewatch bench rules``: what deciding on one article costs with few, many and very many rules."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

import click
import msgspec
from rich.table import Table

from consumers.article_view import ArticleView
from consumers.matching import decisions, matches
from consumers.rules import ActorCondition, Rule, RuleSet, WordCondition
from wirewatch.cli.render import terminal
from wirewatch.records import ActorMentions, Mention, Mentions, Paragraph, Sentence

SIZES = (10, 1_000, 100_000)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SCANNED_RULES_MAX = 200_000
_WORDS = ("missile", "talks", "sanctions", "election", "harbour", "drill")
_TEXT = (
    "Officials said on Monday that the talks would go on, while a missile drill off the harbour was called routine. "
)


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of one number of rules. Times are CPU microseconds per article; ``ratio`` is to the fewest rules."""

    rules: int
    micros: float
    ratio: float
    asked: float
    """Rules that the index leaves to be asked, per article, and how many of them match."""
    matched: float
    asking_all_micros: float


@click.command(epilog="Examples: `wirewatch bench rules`, `wirewatch bench rules --json`.")
@click.option(
    "--rules", "sizes", type=click.IntRange(10), multiple=True, default=SIZES, show_default=True, help="How many rules."
)
@click.option("--articles", type=click.IntRange(1), default=2_000, show_default=True, help="Per round.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="Rounds, in turns.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of rules and articles.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(sizes: Sequence[int], articles: int, rounds: int, seed: int, as_json: bool) -> None:
    """CPU time of deciding on one article with 10, 1,000 and 100,000 rules, through the index and by asking every rule.

    The watchlist grows with the rules: two rules stand under each actor, and an article names one to four actors. Half
    of the rules also ask for a word near the actor. The numbers of rules take turns; the median of each is told.
    """
    rows = measure(articles, rounds, seed, sizes)
    where = {
        "machine": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("wirewatch", "msgspec")},
    }
    if as_json:
        click.echo(
            msgspec.json.encode({"articles": articles, "rounds": rounds, "rows": list(map(asdict, rows)), **where})
        )
        return
    table = Table("Rules", "µs per article", "Ratio", "Rules asked", "Matches", "Asking every rule, µs", box=None)
    for row in rows:
        numbers = (row.rules, row.micros, row.ratio, row.asked, row.matched, row.asking_all_micros)
        table.add_row(*(f"{number:,}" for number in numbers))
    terminal().print(table)
    click.echo(", ".join(f"{name} {value}" for name, value in where.items()))


def measure(articles: int, rounds: int, seed: int, sizes: Sequence[int] = SIZES) -> list[Row]:
    """One row per number of rules, in order."""
    sets = {size: RuleSet(_rules(size, seed)) for size in sizes}
    made = {size: _articles(articles, size, seed) for size in sizes}
    times: dict[int, list[float]] = {size: [] for size in sizes}
    all_asked: dict[int, list[float]] = {size: [] for size in sizes}
    for turn in range(rounds + 1):
        for size in sizes:
            rules = sets[size]
            found = _timed(made[size], partial(_decide, rules))
            few = made[size][: max(1, min(articles, _SCANNED_RULES_MAX // size))]
            scanned = _timed(few, partial(_ask_all, rules))
            if turn:  # the first warms up
                times[size].append(found)
                all_asked[size].append(scanned)
    medians = {size: statistics.median(own) for size, own in times.items()}
    return [_row(size, sets[size], made[size], medians[size], medians[sizes[0]], all_asked[size]) for size in sizes]


def _decide(rules: RuleSet, mentions: Mentions) -> object:
    return matches(rules, mentions, _NOW)


def _ask_all(rules: RuleSet, mentions: Mentions) -> object:
    return list(decisions(rules.rules, ArticleView(mentions)))


def _row(
    size: int, rules: RuleSet, made: Sequence[Mentions], micros: float, first: float, all_asked: Sequence[float]
) -> Row:
    asked = sum(len(rules.index.asked([actor.id for actor in each.actors])) for each in made)
    matched = sum(len(matches(rules, each, _NOW)) for each in made)
    return Row(
        rules=size,
        micros=round(micros, 1),
        ratio=round(micros / first, 2),
        asked=round(asked / len(made), 1),
        matched=round(matched / len(made), 2),
        asking_all_micros=round(statistics.median(all_asked), 1),
    )


def _timed(articles: Sequence[Mentions], decide: Callable[[Mentions], object]) -> float:
    """CPU microseconds per article; the collector of garbage, which would walk over all the rules, waits."""
    gc.collect()
    gc.disable()
    started = time.process_time()
    for each in articles:
        decide(each)
    spent = time.process_time() - started
    gc.enable()
    return spent / len(articles) * 1e6


def _rules(size: int, seed: int) -> tuple[Rule, ...]:
    """Two rules stand under each actor, whatever their number."""
    chance = random.Random(seed)  # noqa: S311 - the same for everyone
    actors = size // 2
    made = []
    for n in range(size):
        own = f"actor-{n % actors}"
        pair = ActorCondition(all=(own, f"actor-{chance.randrange(actors)}"), within="paragraph")
        words = (chance.choice(_WORDS),) if n % 2 else ()
        made.append(
            Rule(
                id=f"rule-{n}",
                severity="info",
                actors=pair if n % 8 == 0 else ActorCondition(any=(own,)),
                score_min=chance.choice((0.5, 0.6, 0.9)),
                words=WordCondition(any=words),
            )
        )
    return tuple(made)


def _articles(count: int, size: int, seed: int) -> list[Mentions]:
    chance = random.Random(seed + 1)  # noqa: S311 - the same for everyone
    return [_article(n, size // 2, chance) for n in range(count)]


def _article(n: int, actors: int, chance: random.Random) -> Mentions:
    named = [f"actor-{each}" for each in sorted(chance.sample(range(actors), chance.randint(1, 4)))]
    sentences = [Sentence(field="text", start=400 * i, text=_TEXT, paragraph=i) for i in range(len(named))]
    found = tuple(
        ActorMentions(id=id_, name=id_, score=0.9, mentions=tuple(_mention(i, score) for score in (0.9, 0.7)))
        for i, id_ in enumerate(named)
    )
    paragraphs = tuple(Paragraph(field="text", start=each.start, text=_TEXT * 3) for each in sentences)
    return Mentions(
        status="ok",
        article_id=f"article-{n}",
        source="news.example.nl",
        title="Officials speak",
        actors=found,
        sentences=tuple(sentences),
        paragraphs=paragraphs,
    )


def _mention(sentence: int, score: float) -> Mention:
    return Mention(
        text="actor", start=400 * sentence, end=400 * sentence + 5, field="text", kind="name", score=score,
        why="", sentence=sentence,
    )  # fmt: skip
