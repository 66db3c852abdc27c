"""Which story an article belongs to: that of the article before it that it resembles most, or its own. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from consumers.stories.sketch import NAME, NUMBER, TITLE, Terms

Why = Literal["own", "resembles", "no-sketch"]

INDEXED_MAX = 24
"""An article is found again by so many of its terms."""
ALIKE_MIN = 0.34
COMMON_MIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An article as the book of stories knows it. ``at``: when it was first seen, seconds since the epoch."""

    article_id: str
    story: str
    language: str
    at: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Choice:
    """A story, and why that one: ``alike`` of ``article_id`` is how much it resembles."""

    story: str
    why: Why
    alike: float = 0.0
    article_id: str = ""


def own_story(article_id: str) -> str:
    """The id of the story that begins with this article: the same whenever it is asked for."""
    return hashlib.sha256(f"story\x1f{article_id}".encode()).hexdigest()[:24]


def choose(piece: Piece, earlier: Iterable[Piece], hours: int) -> Choice:
    """The story of ``piece``, given the articles that it may resemble; their order does not matter.

    Articles that were first seen more than ``hours`` before or after it tell another story.
    """
    if not piece.terms:
        return Choice(own_story(piece.article_id), "no-sketch")
    best = Choice(own_story(piece.article_id), "own")
    for other in earlier:
        if abs(piece.at - other.at) > hours * 3600:
            continue
        alike = likeness(piece.terms, other.terms)
        if alike >= ALIKE_MIN and (alike, other.story, other.article_id) > (best.alike, best.story, best.article_id):
            best = Choice(other.story, "resembles", alike, other.article_id)
    return best


def likeness(one: Terms, other: Terms) -> float:
    """Which share of the shorter text's terms, by weight, the other has: 0 is nothing, 1 is all."""
    common = one.keys() & other.keys()
    if len(common) < COMMON_MIN:
        return 0.0
    shared = sum(_weight(one[term] | other[term]) for term in common)
    return shared / min(_whole(one), _whole(other))


def telling(terms: Terms) -> list[int]:
    """The terms by which an article is found again, the most telling first."""
    return sorted(terms, key=lambda term: (-_weight(terms[term]), term))[:INDEXED_MAX]


def _whole(terms: Terms) -> float:
    return sum(map(_weight, terms.values()))


def _weight(about: int) -> float:
    return 1.0 + 1.0 * bool(about & NAME) + 1.0 * bool(about & NUMBER) + 0.5 * bool(about & TITLE)
