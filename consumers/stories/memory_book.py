"""The book of stories in memory, for trying rules: chooses as the book in Redis does, and forgets at the end."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace

from consumers.stories.book import CANDIDATES_MAX, TERM_ARTICLES_MAX
from consumers.stories.choosing import Piece, choose, own_story, telling
from consumers.stories.sketch import terms_of
from wirewatch.records import Mentions


class MemoryBook:
    """Stories of articles that are told in the order in which they came. ``hours`` 0: each article its own story."""

    def __init__(self, hours: int) -> None:
        self._hours = hours
        self._stories: dict[str, str] = {}
        self._pieces: dict[str, Piece] = {}
        self._of_term: dict[int, deque[str]] = {}

    def story_of(self, mentions: Mentions) -> str:
        """The story of the article. Asked again, also for an edit, the same."""
        id_ = mentions.article_id or ""
        if id_ not in self._stories:
            self._stories[id_] = self._choose(id_, mentions) if self._hours else own_story(id_)
        return self._stories[id_]

    def _choose(self, id_: str, mentions: Mentions) -> str:
        at = int(mentions.first_seen.timestamp()) if mentions.first_seen else mentions.received_ms // 1000
        terms = terms_of(mentions.sketch)
        piece = Piece(article_id=id_, story="", language=mentions.language or "", at=at, began=at, terms=terms)
        choice = choose(piece, self._earlier(piece), self._hours)
        if terms:
            self._pieces[id_] = replace(piece, story=choice.story, began=choice.began)
            for term in telling(terms):
                self._of_term.setdefault(term, deque(maxlen=TERM_ARTICLES_MAX)).append(id_)
        return choice.story

    def _earlier(self, piece: Piece) -> list[Piece]:
        shared: Counter[str] = Counter()
        for term in telling(piece.terms):
            shared.update(self._of_term.get(term, ()))
        near = [self._pieces[id_] for id_, _ in shared.most_common(CANDIDATES_MAX)]
        return [other for other in near if piece.at - other.at <= self._hours * 3600]
