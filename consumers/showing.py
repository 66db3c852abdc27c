"""Which sentences of an article an alert shows, and what is highlighted in them."""

from __future__ import annotations

from collections.abc import Collection

from wirewatch.records import FIELDS, AlertSentence, Highlight, Mention, Mentions, Sentence

SENTENCES_MAX = 5
SENTENCE_CHARS_MAX = 500


def sentences(mentions: Mentions, deciding: Collection[int] = ()) -> tuple[AlertSentence, ...]:
    """The best sentences first: those that decided, the headline, then by the surest mention, then by the number of
    mentions, then as they stand in the article. At most SENTENCES_MAX, each cut to SENTENCE_CHARS_MAX around its first
    mention. ``deciding``: numbers of sentences."""
    named: dict[int, list[tuple[str, Mention]]] = {}
    for actor in mentions.actors:
        for mention in actor.mentions:
            if mention.sentence is not None and 0 <= mention.sentence < len(mentions.sentences):
                named.setdefault(mention.sentence, []).append((actor.id, mention))

    def worth(index: int) -> tuple[bool, bool, float, int, int, int]:
        sentence, own = mentions.sentences[index], named[index]
        surest = max(mention.score for _, mention in own)
        return (
            index not in deciding,
            sentence.field != "title",
            -surest,
            -len(own),
            FIELDS.index(sentence.field),
            sentence.start,
        )

    best = sorted(named, key=worth)[:SENTENCES_MAX]
    return tuple(_shown(mentions.sentences[index], named[index]) for index in best)


def _shown(sentence: Sentence, named: list[tuple[str, Mention]]) -> AlertSentence:
    places = sorted(
        {
            (max(0, mention.start - sentence.start), min(len(sentence.text), mention.end - sentence.start), actor)
            for actor, mention in named
            if mention.field == sentence.field
        }
    )
    highlights = [Highlight(start=start, end=end, actor=actor) for start, end, actor in places if start < end]
    return _cut(AlertSentence(field=sentence.field, text=sentence.text, highlights=tuple(highlights)))


def _cut(sentence: AlertSentence) -> AlertSentence:
    """A sentence that a person can take in: text without full stops may run to pages."""
    if len(sentence.text) <= SENTENCE_CHARS_MAX:
        return sentence
    first = sentence.highlights[0].start if sentence.highlights else 0
    start = max(0, min(first - SENTENCE_CHARS_MAX // 4, len(sentence.text) - SENTENCE_CHARS_MAX))
    end = start + SENTENCE_CHARS_MAX
    before, after = "…" if start else "", "…" if end < len(sentence.text) else ""
    moved = start - len(before)
    kept = tuple(
        Highlight(start=mark.start - moved, end=mark.end - moved, actor=mark.actor)
        for mark in sentence.highlights
        if start <= mark.start and mark.end <= end
    )
    return AlertSentence(field=sentence.field, text=f"{before}{sentence.text[start:end]}{after}", highlights=kept)
