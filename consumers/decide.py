"""Decide of every place where letters of a name stand whether the actor is meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from consumers.boundaries import Fit, fit
from consumers.evidence import Cues, Place, cues_for, weigh
from consumers.language import detect
from consumers.scan import Found, Lexicon, compile_lexicon
from consumers.text import normalise
from consumers.watchlist import Watchlist
from wirewatch.records import FIELDS, Article, Field, MentionKind

# How sure a name is that stands alone, by kind. A doubtful name is at most as sure, and else as its evidence weighs.
SCORES: Mapping[MentionKind, float] = {"name": 0.99, "derived": 0.95, "metonym": 0.85}

_PUNCTUATION = str.maketrans(dict.fromkeys(".,;:!?()[]\"'-/", " "))


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A compiled watchlist. Safe to share between threads."""

    watchlist: Watchlist
    lexicon: Lexicon
    _cues: dict[tuple[int, str | None], dict[str, Cues]] = field(default_factory=dict)

    def cues(self, actor: int, language: str | None) -> dict[str, Cues]:
        """The cue sets of an actor for a language, compiled once."""
        key = (actor, language)
        if key not in self._cues:
            self._cues[key] = cues_for(self.watchlist.actors[actor], language)
        return self._cues[key]


def compile_watchlist(watchlist: Watchlist) -> Recogniser:
    """Make the watchlist fast to search. Deterministic; a new watchlist needs a new one."""
    return Recogniser(watchlist, compile_lexicon(watchlist))


@dataclass(frozen=True, slots=True)
class Accepted:
    """The actor is meant. Offsets of ``found`` and ``fit`` are those of the normalised field."""

    field: Field
    found: Found
    fit: Fit
    score: float
    why: str

    @property
    def kind(self) -> MentionKind:
        return "derived" if self.fit.compound else self.found.alias.kind


@dataclass(frozen=True, slots=True)
class Refused:
    """The actor is not meant."""

    field: Field
    found: Found
    why: str


Decided = Accepted | Refused


class Document:
    """An article under examination: its language, its normalised fields, and what was decided of each candidate."""

    def __init__(self, article: Article, recogniser: Recogniser) -> None:
        self.recogniser = recogniser
        self.detected = detect(f"{article.title}\n{article.text or article.summary or ''}", article.language)
        self.fields = {name: normalise(text) for name in FIELDS if (text := article.field(name))}
        self.decided = self._decide()

    def accepted(self) -> list[Accepted]:
        """The candidates that are mentions, in reading order: of those that overlap, the longest."""
        taken: dict[Field, set[int]] = {name: set() for name in self.fields}
        kept = []
        for one in sorted((d for d in self.decided if isinstance(d, Accepted)), key=_longest_first):
            positions = range(one.found.start, one.found.end)
            if taken[one.field].isdisjoint(positions):
                taken[one.field].update(positions)
                kept.append(one)
        return _uncrowded(sorted(kept, key=lambda one: (FIELDS.index(one.field), one.found.start)))

    @cached_property
    def _words(self) -> tuple[str, ...]:
        """The different words of the article, folded, in one fixed order."""
        texts = (text.folded.translate(_PUNCTUATION) for text in self.fields.values())
        return tuple(dict.fromkeys(word for text in texts for word in text.split()))

    def _decide(self) -> list[Decided]:
        decided: list[Decided] = []
        doubtful: list[tuple[Field, Found, Fit]] = []
        for name, found, fitted in self._fitted():
            if isinstance(fitted, str):
                decided.append(Refused(name, found, fitted))
            elif found.alias.ambiguous:
                doubtful.append((name, found, fitted))
            else:
                decided.append(_safe(name, found, fitted))
        return decided + self._decide_doubtful(doubtful, _named(decided))

    def _fitted(self) -> Iterator[tuple[Field, Found, Fit | str]]:
        """Every candidate, with how it stands in the text or why it is no name there."""
        lexicon, language = self.recogniser.lexicon, self.detected.language
        for name, text in self.fields.items():
            candidates = lexicon.find(text, language)
            never = lexicon.never_spans(text) if candidates else []
            for found in candidates:
                phrase = _covering(found, never)
                if not found.as_listed:
                    yield name, found, f'letter case is not that of "{found.alias.text}"'
                elif phrase is not None:
                    yield name, found, f'never in "{phrase}"'
                else:
                    yield name, found, fit(text, found.start, found.end, language, bare=found.alias.ambiguous)

    def _decide_doubtful(self, doubtful: list[tuple[Field, Found, Fit]], named: Mapping[int, str]) -> list[Decided]:
        """In two rounds, as evidence found for one doubtful name makes it a name elsewhere for the others."""
        first = [self._weigh(*one, named) for one in doubtful]
        again = {**_named(first), **named}
        return [
            self._weigh(*one, again) if isinstance(decided, Refused) and again != named else decided
            for one, decided in zip(doubtful, first, strict=True)
        ]

    def _weigh(self, name: Field, found: Found, fitted: Fit, named: Mapping[int, str]) -> Decided:
        alias = found.alias
        reads_all = any(test.name == "anywhere" for tests in alias.evidence for test in tests)
        place = Place(
            text=self.fields[name],
            start=found.start,
            end=found.end,
            compound=fitted.compound,
            named=named.get(found.actor),
            words=self._words if reads_all else (),
            cues=self.recogniser.cues(found.actor, self.detected.language),
        )
        weighed = weigh(alias.evidence, place)
        if weighed is None:
            wanted = " | ".join(" + ".join(map(str, tests)) for tests in alias.evidence)
            return Refused(name, found, f'"{alias.text}" is ambiguous and lacks evidence: {wanted}')
        most = SCORES["derived" if fitted.compound else alias.kind]
        return Accepted(name, found, fitted, min(weighed[0], most), f'"{alias.text}" with {weighed[1]}')


def _covering(found: Found, never: Iterable[tuple[int, int, int, str]]) -> str | None:
    for start, end, actor, phrase in never:
        if actor == found.actor and start <= found.start and found.end <= end:
            return phrase
    return None


def _safe(name: Field, found: Found, fitted: Fit) -> Accepted:
    note = f", {fitted.note}" if fitted.note else ""
    why = f'alias "{found.alias.text}" ({found.alias.language}){note}'
    return Accepted(name, found, fitted, SCORES["derived" if fitted.compound else found.alias.kind], why)


def _named(decided: Iterable[Decided]) -> dict[int, str]:
    """Per actor a name that was recognised."""
    named: dict[int, str] = {}
    for one in decided:
        if isinstance(one, Accepted):
            named.setdefault(one.found.actor, one.found.alias.text)
    return named


def _uncrowded(in_order: list[Accepted]) -> list[Accepted]:
    """The same, where compounds overlap (NAVO-Iran-overleg) cut down to the names in them."""
    crowded: set[int] = set()
    for number, (one, following) in enumerate(pairwise(in_order)):
        if one.field == following.field and following.fit.start < one.fit.end:
            crowded |= {number, number + 1}
    return [
        replace(one, fit=replace(one.fit, start=one.found.start, end=one.found.end)) if number in crowded else one
        for number, one in enumerate(in_order)
    ]


def _longest_first(one: Accepted) -> tuple[int, float, int, int]:
    return one.found.start - one.found.end, -one.score, one.found.start, one.found.actor
