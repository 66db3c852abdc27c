"""Which story an article belongs to: that of the article before it that it resembles most, or its own. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Literal

from consumers.stories.sketch import NAME, NUMBER, TITLE, Terms

Why = Literal["own", "resembles", "no-sketch"]

INDEXED_MAX = 24
"""An article is found again by so many of its terms."""
ALIKE_MIN = 0.42
"""Fitted on the labelled articles (`python -m tests.quality.stories`), on the side of too many stories."""
ALIKE_ACROSS_MIN = 0.25
"""The same for texts in two languages, which share names and numbers and little else."""
SURE_MIN = 0.8
"""Texts so much alike are one, also where all that they share is in many other texts."""
COMMON_SHARE = 0.2
COMMON_ARTICLES_MIN = 50
"""A term that so many of at least so many recent articles of a language have tells nothing: words of everyday that no
list of ours has, and those of the template that a source writes by."""
SHARED_MIN = 4
# By what is known of a term, see sketch.py. Whole numbers: their sum depends on no order.
_WEIGHTS = tuple(2 + 2 * bool(about & NAME) + 2 * bool(about & NUMBER) + bool(about & TITLE) for about in range(8))
NUMBERS_MIN = 3
NUMBERS_SHARE_MIN = 0.34
"""Where both texts have so many numbers, the one with fewer shares so many of them, or it tells something else: market
reports, results and weather say each day the same with other numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An article as the book of stories knows it. ``at``: when it was first seen, ``began``: when the first one of its
    story was; seconds since the epoch."""

    article_id: str
    story: str
    language: str
    at: int
    began: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Choice:
    """A story, and why that one: ``alike`` of ``article_id`` is how much it resembles."""

    story: str
    why: Why
    began: int
    alike: float = 0.0
    article_id: str = ""


def own_story(article_id: str) -> str:
    """The id of the story that begins with this article: the same whenever it is asked for."""
    return hashlib.sha256(f"story\x1f{article_id}".encode()).hexdigest()[:24]


def choose(piece: Piece, earlier: Iterable[Piece], hours: int, common: Set[int] = frozenset()) -> Choice:
    """The story of ``piece``, given the articles that it may resemble; their order does not matter.

    ``common`` are terms that tell nothing. A story takes in articles that were first seen within ``hours`` of its first
    one, so that none goes on for ever.
    """
    if not piece.terms:
        return Choice(own_story(piece.article_id), "no-sketch", piece.at)
    best, best_rank = Choice(own_story(piece.article_id), "own", piece.at), (1.0, "", "")
    for other in earlier:
        if abs(piece.at - other.began) > hours * 3600:
            continue
        same = piece.language == other.language
        alike = likeness(piece.terms, other.terms, common)
        # As a multiple of what is asked for, so that languages compare; the ids only settle ties.
        rank = (alike / (ALIKE_MIN if same else ALIKE_ACROSS_MIN), other.story, other.article_id)
        if rank > best_rank:
            best, best_rank = Choice(other.story, "resembles", other.began, alike, other.article_id), rank
    return best


def likeness(one: Terms, other: Terms, common: Set[int] = frozenset()) -> float:
    """Which share of the shorter text's terms, by weight, the other has: 0 is nothing, 1 is all. Symmetric."""
    if _numbers_differ(one, other):
        return 0.0
    everything = _share(one, other, frozenset())
    return everything if everything >= SURE_MIN or not common else _share(one, other, common)


def common_terms(counts: Mapping[int, int], articles: int) -> Set[int]:
    """The terms that tell nothing, of these numbers of articles that have them, among so many."""
    if articles < COMMON_ARTICLES_MIN:
        return frozenset()
    return frozenset(term for term, number in counts.items() if number > articles * COMMON_SHARE)


def _share(one: Terms, other: Terms, common: Set[int]) -> float:
    shared = (one.keys() & other.keys()) - common
    if len(shared) < SHARED_MIN:
        return 0.0
    weight = sum(_WEIGHTS[one[term] | other[term]] for term in shared)
    return min(1.0, weight / min(_whole(one, common), _whole(other, common)))


def _numbers_differ(one: Terms, other: Terms) -> bool:
    mine, its = ({term for term, about in terms.items() if about & NUMBER} for terms in (one, other))
    fewer = min(len(mine), len(its))
    return fewer >= NUMBERS_MIN and len(mine & its) < fewer * NUMBERS_SHARE_MIN


def telling(terms: Terms, common: Set[int] = frozenset()) -> list[int]:
    """The terms by which an article is found again, the most telling first."""
    return sorted(terms.keys() - common or terms, key=lambda term: (-_WEIGHTS[terms[term]], term))[:INDEXED_MAX]


def _whole(terms: Terms, common: Set[int]) -> float:
    return sum(_WEIGHTS[about] for term, about in terms.items() if term not in common)
