"""Articles for tests of rules, given as paragraphs of sentences with the actors that each names; drawn ones too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from consumers.rules import (
    ActorCondition,
    CountryCondition,
    LanguageCondition,
    Rule,
    SourceCondition,
    WordCondition,
)
from tests.consumers.making import NAMES, NOON
from wirewatch.records import ActorMentions, Field, Mention, MentionKind, Mentions, Paragraph, Sentence

Named = tuple[str, MentionKind, float]
Line = tuple[str, Sequence[Named]]
"""A sentence, and who is named in it: actor, kind, score."""
ACTORS = ("nato", "iran", "islamic-state")
WORDS = ("missile", "talks", "football")
WITHIN = ("sentence", "paragraph", "article")


def article(*paragraphs: Sequence[Line], title: Line = ("Headline", ()), **changes: Any) -> Mentions:
    """The record that the stage ``actors`` would make: sentences and paragraphs that name nobody are left out."""
    found: dict[str, list[Mention]] = {}
    sentences: list[Sentence] = []
    kept: list[Paragraph] = []
    at = 0
    for field, lines in [("title", [title]), *(("text", lines) for lines in paragraphs)]:
        number = len(kept) if len(lines) > 1 and any(named for _, named in lines) else None
        if number is not None:
            kept.append(Paragraph(field=_field(field), start=at, text=" ".join(text for text, _ in lines)))
        for text, named in lines:
            for actor, kind, score in named:
                mention = Mention(
                    text=actor, start=at, end=at + 1, field=_field(field), kind=kind, score=score,
                    why="", sentence=len(sentences),
                )  # fmt: skip
                found.setdefault(actor, []).append(mention)
                at += 1
            if named:
                sentences.append(Sentence(field=_field(field), start=at, text=text, paragraph=number))
            at += len(text)
    actors = tuple(
        ActorMentions(id=id_, name=NAMES.get(id_, id_), score=max(m.score for m in own), mentions=tuple(own))
        for id_, own in sorted(found.items())
    )
    values: dict[str, Any] = {
        "status": "ok" if actors else "none", "article_id": "a1", "source": "news.example.nl", "title": title[0],
        "language": "en", "first_seen": NOON, "actors": actors, "sentences": tuple(sentences),
        "paragraphs": tuple(kept),
    }  # fmt: skip
    return Mentions(**values | changes)


def _field(name: str) -> Field:
    return "title" if name == "title" else "text"


_ids = st.lists(st.sampled_from(ACTORS), unique=True, max_size=2).map(tuple)
_words = st.lists(st.sampled_from(WORDS), unique=True, max_size=2).map(tuple)
_named = st.tuples(
    st.sampled_from(ACTORS), st.sampled_from(("name", "derived", "metonym")), st.sampled_from((0.3, 0.5, 0.9))
)
_line = st.tuples(
    st.lists(st.sampled_from((*WORDS, "calm")), min_size=1, max_size=3).map(" ".join), st.lists(_named, max_size=2)
)
ARTICLES = st.builds(
    lambda paragraphs, title, source, language: article(*paragraphs, title=title, source=source, language=language),
    st.lists(st.lists(_line, min_size=1, max_size=3), max_size=3),
    _line,
    st.sampled_from(("news.example.nl", "example.nl", "wire.example.com", "Some Wire")),
    st.sampled_from(("en", "nl", None)),
)
_condition = {"any": _words, "all": _words, "none": _words, "within": st.sampled_from(WITHIN)}


def rules(id_: str) -> st.SearchStrategy[Rule]:
    """A rule of that id, which may ask for anything."""
    domains = st.lists(st.sampled_from(("example.nl", "example.com", "some wire")), unique=True, max_size=1).map(tuple)
    countries = st.lists(st.sampled_from(("nl", "gb")), unique=True, max_size=1).map(tuple)
    languages = st.lists(st.sampled_from(("en", "nl", "und")), unique=True, max_size=2).map(tuple)
    maybe = st.booleans()
    return st.builds(
        Rule,
        id=st.just(id_),
        severity=st.just("info"),
        enabled=st.sampled_from((True, True, True, False)),
        actors=st.builds(ActorCondition, any=_ids, all=_ids, none=_rare(maybe, _ids), within=st.sampled_from(WITHIN)),
        fields=st.sampled_from((("title", "summary", "text"), ("title",), ("text",))),
        kinds=st.sampled_from((("name", "derived", "metonym"), ("name",), ("name", "derived"))),
        score_min=st.sampled_from((0.0, 0.3, 0.5, 0.8)),
        words=_rare(maybe, st.builds(WordCondition, **_condition), WordCondition()),
        sources=_rare(maybe, st.builds(SourceCondition, any=domains, none=domains), SourceCondition()),
        countries=_rare(maybe, st.builds(CountryCondition, any=countries, none=countries), CountryCondition()),
        languages=_rare(maybe, st.builds(LanguageCondition, any=languages, none=languages), LanguageCondition()),
        unless=st.lists(st.sampled_from([f"r{n}" for n in range(int(id_[1:]))] or [""]), max_size=2).map(
            lambda ids: tuple(each for each in ids if each)
        ),
    )


def _rare(maybe: st.SearchStrategy[bool], drawn: st.SearchStrategy[Any], usual: Any = ()) -> st.SearchStrategy[Any]:
    return maybe.flatmap(lambda often: drawn if often else st.just(usual))


RULES = st.tuples(*(rules(f"r{n}") for n in range(4)))
