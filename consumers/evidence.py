"""Does what stands around a doubtful name speak for it? Pure tests of a place in a text; the names of the tests are
explained at ``watchlist.Test``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from consumers.text import Normalised, fold
from consumers.watchlist import ANY_LANGUAGE, Actor, CueSet, Evidence, Test

NEAR_WORDS = 5
CASE_WORDS = 3
CONTEXT_CHARS = 120
# How far one test speaks for the name, 0..1. Tests that hold together add up as independent ones would (noisy or).
WEIGHTS: Mapping[str, float] = {
    "alias": 0.9,
    "compound": 0.9,
    "before": 0.85,
    "after": 0.8,
    "inside": 0.8,
    "near": 0.7,
    "anywhere": 0.6,
    "capitals": 0.6,
    "lead": 0.5,
}
NEGATED_WEIGHT = 0.7

_WORD = re.compile(r"[^\W_]+")
_OPENING = re.compile(r"[\s\"'(\[-]*")
_LEAD = re.compile(r"(?:^|[.!?:;|؟。]|\s[-–—])[\s\"'(\[*•]*(?:[-–—]\s)?$")
_SENTENCE_END = re.compile(r"[.!?؟。？\n]")


@dataclass(frozen=True)
class Cues:
    """One set of cue words for texts in one language."""

    whole: frozenset[str]
    beginnings: tuple[str, ...]
    endings: tuple[str, ...]

    def first_in(self, words: Iterable[str]) -> str | None:
        """The first of the folded ``words`` that is a cue."""
        for word in words:
            if word in self.whole or word.startswith(self.beginnings) or word.endswith(self.endings):
                return word
        return None


def cues_for(actor: Actor, language: str | None) -> dict[str, Cues]:
    """The cue sets of an actor by name: the words of the language, or of all where it is undetermined or has none."""
    return {one.name: _cues(one, language) for one in actor.cues}


def _cues(cue_set: CueSet, language: str | None) -> Cues:
    languages = [language, ANY_LANGUAGE] if language in cue_set.words else list(cue_set.words)
    words = [word for name in languages if name for word in cue_set.words.get(name, ())]
    return Cues(
        whole=frozenset(word for word in words if "*" not in word),
        beginnings=tuple(word[:-1] for word in words if word.endswith("*")),
        endings=tuple(word[1:] for word in words if word.startswith("*")),
    )


@dataclass(frozen=True)
class Place:
    """A name at a place in a field, and what the rest of the article gives. ``named`` is a name of the same actor
    that was recognised elsewhere in the article; ``words`` are the folded words of the whole article."""

    text: Normalised
    start: int
    end: int
    compound: bool
    named: str | None
    words: tuple[str, ...]
    cues: Mapping[str, Cues]

    @cached_property
    def line(self) -> tuple[int, int]:
        text = self.text.text
        first = max(text.rfind("\n", 0, self.start) + 1, self.start - CONTEXT_CHARS)
        last = text.find("\n", self.end, self.end + CONTEXT_CHARS)
        return first, last if last >= 0 else min(len(text), self.end + CONTEXT_CHARS)

    @cached_property
    def left(self) -> list[re.Match[str]]:
        """The words before the name on its line, in reading order."""
        return list(_WORD.finditer(self.text.text, self.line[0], self.start))[-NEAR_WORDS:]

    @cached_property
    def right(self) -> list[re.Match[str]]:
        return list(_WORD.finditer(self.text.text, self.end, self.line[1]))[:NEAR_WORDS]


def weigh(evidence: Iterable[Evidence], place: Place) -> tuple[float, str] | None:
    """The strongest of the ``evidence`` that holds, 0..1, and it in words; None where none holds."""
    found = [weighed for tests in evidence if (weighed := _weigh_all(tests, place)) is not None]
    return max(found, key=lambda weighed: weighed[0], default=None)


def _weigh_all(tests: Evidence, place: Place) -> tuple[float, str] | None:
    doubt = 1.0
    reasons = []
    for test in tests:
        reason = _holds(test, place)
        if (reason is None) != test.negated:
            return None
        reasons.append(reason or str(test))
        doubt *= 1 - (NEGATED_WEIGHT if test.negated else WEIGHTS[test.name])
    return round(1 - doubt, 3), ", ".join(reasons)


def _holds(test: Test, place: Place) -> str | None:
    """Why the test holds, in a few words, or None (without regard to ``negated``)."""
    match test.name:
        case "alias":
            return f'"{place.named}" elsewhere' if place.named else None
        case "compound":
            return "compound" if place.compound else None
        case "capitals":
            return "capitals among small letters" if _stands_out(place) else None
        case "inside":
            return "capital inside a sentence" if not _leads(place) and not _among_capitals(place) else None
        case "lead":
            return "first in its sentence" if _leads(place) and not _is_question(place) else None
        case _:
            return _cue(test, place)


def _cue(test: Test, place: Place) -> str | None:
    cues = place.cues[test.cues]
    text = place.text.text
    match test.name:
        case "before":
            nearest = [w for w in place.left[-1:] if _OPENING.fullmatch(text, w.end(), place.start)]
        case "after":
            nearest = [w for w in place.right[:1] if _OPENING.fullmatch(text, place.end, w.start())]
        case "near":
            nearest = place.left + place.right
        case _:
            word = cues.first_in(place.words)
            return f'"{word}" in the article' if word else None
    word = cues.first_in(fold(found[0]) for found in nearest)
    return f'cue "{word}" {test.name}'.removesuffix(" near") if word else None


def _cased_around(place: Place) -> list[str]:
    around = place.left[-CASE_WORDS:] + place.right[:CASE_WORDS]
    return [w[0] for w in around if len(w[0]) > 1 and w[0].lower() != w[0].upper()]


def _among_capitals(place: Place) -> bool:
    """True where the words around are mostly in capitals, or none has letter case at all."""
    cased = _cased_around(place)
    return 2 * sum(word.isupper() for word in cased) > len(cased) or not cased


def _stands_out(place: Place) -> bool:
    """The name is in capitals, the words around are not, and no neighbour shouts with it ("kopt HET IS VOORBIJ in …").

    Words of two letters do not count as shouting: "VS IS" are two short names.
    """
    if not place.text.text[place.start : place.end].isupper() or _among_capitals(place):
        return False
    text = place.text.text
    shouts = [w for w in place.left[-1:] if not text[w.end() : place.start].strip(" ")]
    shouts += [w for w in place.right[:1] if not text[place.end : w.start()].strip(" ")]
    return not any(word[0].isupper() and len(word[0]) > 2 for word in shouts)


def _leads(place: Place) -> bool:
    return _LEAD.search(place.text.text[place.line[0] : place.start]) is not None


def _is_question(place: Place) -> bool:
    stop = _SENTENCE_END.search(place.text.text, place.end, place.end + 3 * CONTEXT_CHARS)
    return stop is not None and stop[0] in "?？؟"
