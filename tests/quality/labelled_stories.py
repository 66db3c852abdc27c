"""Our labelled articles (tests/data/stories): read, recognised, and what a way to find stories makes of them.

A line is an article. ``of`` takes the text of another one, ``sentences`` some sentences of it: reprints and shortened
versions. ``kind``: base, reprint, short, late (a shortened reprint hours later), rewrite (the same event in other
words), follow-up. Events of one name in two languages are the same event. The stories at TEST in each file are for
testing, the others for fitting; stories that are alike on purpose (two attacks on a day, two market reports, two
trials, two storms) are on one side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations
from pathlib import Path

import msgspec

from consumers import watchlist_file
from consumers.actors import mentions_of
from consumers.recognise import compile_watchlist
from consumers.stories.book import Told
from wirewatch.broker import Message
from wirewatch.records import Article, Mentions
from wirewatch.settings import Settings
from wirewatch.stage import Received

DATA = Path(__file__).parents[1] / "data" / "stories"
LANGUAGES = ("nl", "en", "fr", "de")
TEST = frozenset({1, 2, 6, 7, 10, 11, 14, 15})
START = datetime(2096, 3, 2, 6, tzinfo=UTC)


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the files."""

    id: str
    story: str
    kind: str
    source: str
    hour: int
    title: str
    text: str = ""
    of: str = ""
    sentences: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Labelled:
    """An article, what was found in it, and which story it tells."""

    story: str
    kind: str
    language: str
    fits: bool
    article: Article
    mentions: Mentions

    @property
    def told(self) -> Told:
        return Told(
            article_id=self.article.id,
            sketch=self.mentions.sketch,
            language=self.mentions.language,
            first_seen=self.article.first_seen,
        )


@dataclass(frozen=True, slots=True)
class Quality:
    """Of pairs of articles: those put into one story rightly, wrongly, and not though they should be."""

    right: int
    wrong: int
    missed: int
    stories: int
    found: int
    """True stories, and found ones summed over the true ones: a notification each."""

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def notifications(self) -> float:
        """Per story."""
        return self.found / self.stories


@cache
def labelled() -> Sequence[Labelled]:
    """All of them, in the order in which they would come."""
    recogniser = compile_watchlist(watchlist_file.of_settings(Settings()))
    found = []
    for language in LANGUAGES:
        lines = [
            msgspec.json.decode(line, type=Line)
            for line in (DATA / f"{language}.jsonl").read_text("utf-8").splitlines()
        ]
        texts = {line.id: line.text for line in lines}
        numbers = {story: number for number, story in enumerate(dict.fromkeys(line.story for line in lines))}
        for line in lines:
            article = _article(line, texts, language)
            message = Message("", 0, 0, 0, None, b"")
            mentions = mentions_of(Received(article, message), recogniser)
            found.append(Labelled(line.story, line.kind, language, numbers[line.story] not in TEST, article, mentions))
    return sorted(found, key=lambda each: (each.article.first_seen, each.article.id))


def _article(line: Line, texts: Mapping[str, str], language: str) -> Article:
    text = line.text or texts[line.of]
    if line.sentences:
        sentences = text.replace(". ", ".\n").split("\n")
        text = " ".join(sentences[number] for number in line.sentences if number < len(sentences))
    return Article(
        id=line.id,
        source=line.source,
        title=line.title,
        text=text,
        language=language,
        first_seen=START + timedelta(hours=line.hour),
        content_hash="",
    )


def measure(articles: Iterable[Labelled], stories: Mapping[str, str], *, across: bool = False) -> Quality:
    """Compare the stories that were found (by article id) with the labels; ``across``: languages are one."""
    listed = [(each, each.story.partition("-")[2] if across else each.story) for each in articles]
    right = wrong = missed = 0
    for (one, story), (other, its) in combinations(listed, 2):
        together = stories[one.article.id] == stories[other.article.id]
        right += together and story == its
        wrong += together and story != its
        missed += not together and story == its
    found = {(story, stories[each.article.id]) for each, story in listed}
    return Quality(right, wrong, missed, len({story for _, story in listed}), len(found))


def mistakes(articles: Iterable[Labelled], stories: Mapping[str, str]) -> Sequence[str]:
    """What went wrong, for people: stories that were joined, and kinds of article that were left out."""
    listed = list(articles)
    members: dict[str, Counter[str]] = {}
    for each in listed:
        members.setdefault(stories[each.article.id], Counter())[each.story] += 1
    told = [f"joined: {dict(counts)}" for counts in members.values() if len(counts) > 1]
    for story in dict.fromkeys(each.story for each in listed):
        own = [each for each in listed if each.story == story]
        main = Counter(stories[each.article.id] for each in own).most_common(1)[0][0]
        told += [f"left out: {each.article.id} ({each.kind})" for each in own if stories[each.article.id] != main]
    return told
