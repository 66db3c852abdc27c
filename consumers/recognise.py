"""Which watched actors an article names, where, how sure that is, and why. Pure: text and data in, values out."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from consumers import sentences
from consumers.decide import Accepted, Decided, Document, Recogniser, Refused, compile_watchlist
from consumers.language import Detected
from wirewatch.records import FIELDS, ActorMentions, Article, Field, Mention, MentionKind, Paragraph, Sentence

__all__ = ["Recogniser", "Recognition", "Verdict", "compile_watchlist", "explain", "recognise"]

# A record must stay small: an article that names an actor more often has these mentions, and is counted once anyway.
MENTIONS_PER_ACTOR_MAX = 200
# The first so many paragraphs that name an actor are kept; of those behind, only the sentence.
PARAGRAPHS_MAX = 40


@dataclass(frozen=True, slots=True)
class Recognition:
    """What one article names. ``language`` None is undetermined; mentions are in reading order and do not overlap."""

    language: str | None
    confidence: float
    actors: tuple[ActorMentions, ...]
    sentences: tuple[Sentence, ...]
    paragraphs: tuple[Paragraph, ...] = ()
    """Those that hold more than one sentence that is kept, or more than it."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of one candidate. Offsets count code points of the original field."""

    actor: str
    text: str
    start: int
    end: int
    field: Field
    matched: bool
    kind: MentionKind
    score: float
    why: str


def recognise(article: Article, recogniser: Recogniser) -> Recognition:
    """The watched actors that ``article`` names. Total: takes any text. The same input gives the same result."""
    document = Document(article, recogniser)
    collector = _Collector(document)
    for one in document.accepted():
        collector.add(one)
    actors = tuple(
        ActorMentions(id=actor.id, name=actor.name, score=max(m.score for m in found), mentions=tuple(found))
        for number, actor in enumerate(recogniser.watchlist.actors)
        if (found := collector.mentions.get(number))
    )
    return Recognition(*document.detected, actors, tuple(collector.sentences), tuple(collector.paragraphs))


def explain(article: Article, recogniser: Recogniser) -> tuple[Detected, list[Verdict]]:
    """The language, and for every place that could name an actor whether it was matched and why (not), in reading
    order."""
    document = Document(article, recogniser)
    kept = {(one.field, one.found): one for one in document.accepted()}
    verdicts = [_verdict(one, kept.get((one.field, one.found)), document) for one in document.decided]
    return document.detected, sorted(verdicts, key=lambda v: (FIELDS.index(v.field), v.start, -v.end, v.actor))


@dataclass
class _Collector:
    """Turns decisions, in reading order, into mentions per actor and the sentences that they point into."""

    document: Document
    mentions: dict[int, list[Mention]] = field(default_factory=dict)
    sentences: list[Sentence] = field(default_factory=list)
    paragraphs: list[Paragraph] = field(default_factory=list)

    def add(self, one: Accepted) -> None:
        of_actor = self.mentions.setdefault(one.found.actor, [])
        if len(of_actor) >= MENTIONS_PER_ACTOR_MAX:
            return
        text = self.document.fields[one.field]
        start, end = text.original_span(one.fit.start, one.fit.end)
        of_actor.append(
            Mention(
                text=text.original[start:end],
                start=start,
                end=end,
                field=one.field,
                kind=one.kind,
                score=one.score,
                why=one.why,
                sentence=self._sentence(one.field, text.original, start, end),
            )
        )

    def _sentence(self, name: Field, original: str, start: int, end: int) -> int:
        """The number of the sentence that holds the place; mentions in one sentence share it."""
        if self.sentences:
            last = self.sentences[-1]
            if last.field == name and last.start <= start and end <= last.start + len(last.text):
                return len(self.sentences) - 1
        first, stop = sentences.around(original, start, end)
        paragraph = self._paragraph(name, original, start, end, original[first:stop])
        self.sentences.append(Sentence(field=name, start=first, text=original[first:stop], paragraph=paragraph))
        return len(self.sentences) - 1

    def _paragraph(self, name: Field, original: str, start: int, end: int, sentence: str) -> int | None:
        """The number of the paragraph that holds the place; None where it is the sentence and no more."""
        if self.paragraphs:
            last = self.paragraphs[-1]
            if last.field == name and last.start <= start and end <= last.start + len(last.text):
                return len(self.paragraphs) - 1
        first, stop = sentences.paragraph_around(original, start, end)
        if original[first:stop] == sentence or len(self.paragraphs) == PARAGRAPHS_MAX:
            return None
        self.paragraphs.append(Paragraph(field=name, start=first, text=original[first:stop]))
        return len(self.paragraphs) - 1


def _verdict(one: Decided, kept: Accepted | None, document: Document) -> Verdict:
    text = document.fields[one.field]
    span = (kept.fit.start, kept.fit.end) if kept else (one.found.start, one.found.end)
    start, end = text.original_span(*span)
    return Verdict(
        actor=document.recogniser.watchlist.actors[one.found.actor].id,
        text=text.original[start:end],
        start=start,
        end=end,
        field=one.field,
        matched=kept is not None,
        kind=kept.kind if kept else one.found.alias.kind,
        score=kept.score if kept else 0.0,
        why=one.why if kept or isinstance(one, Refused) else "overlaps a name that was matched",
    )
