"""The book of stories in Redis: which story an article belongs to, and what is needed to find that of the next one.

An article is found by its most telling terms: per term the newest articles that have it. What it resembles
is decided here, on what was read; it is written down only if nothing else was meanwhile, else it is decided again.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from consumers.keys import Keys
from consumers.stories.choosing import Piece, Why, choose, common_terms, own_story, telling
from consumers.stories.sketch import terms_of
from wirewatch.errors import StoreUnavailable
from wirewatch.metrics import Metrics
from wirewatch.redis_client import Client, answers
from wirewatch.settings import Settings

ARTICLES_AT_ONCE_MAX = 50
"""One script call writes so many: it holds up everybody else."""
CANDIDATES_MAX = 40
"""So many earlier articles are compared with one: those that share most of its telling terms."""
TERM_ARTICLES_MAX = 50
_COMMON_SECONDS = 3 * 86_400
_TRIES_MAX = 100
_SCRIPT = Path(__file__).with_name("assign.lua").read_text("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An article whose story is asked for."""

    article_id: str
    sketch: str
    language: str | None
    first_seen: datetime


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of an article to compare others with."""

    story: str
    language: str
    at: int
    began: int
    sketch: str


class Stories:
    """The book of one Redis. Several relays may write into it at once."""

    def __init__(self, client: Client, keys: Keys, settings: Settings, metrics: Metrics) -> None:
        self._client = client
        self._keys = keys
        self._hours = settings.story_hours
        # An edit must find its article's story for as long as it is known to be one.
        self._of_seconds = max(settings.story_hours, 24 * (settings.seen_days + 1)) * 3600
        self._metrics = metrics
        self._script = client.register_script(_SCRIPT)

    def assign(self, articles: Collection[Told]) -> Mapping[str, str]:
        """The story of each article, by its id. Asked again, the same: an article stays in its story.

        Raises StoreUnavailable; repeating is safe.
        """
        if not self._hours:
            return {told.article_id: own_story(told.article_id) for told in articles}
        by_id = list({told.article_id: told for told in articles}.values())
        found: dict[str, str] = {}
        for at in range(0, len(by_id), ARTICLES_AT_ONCE_MAX):
            found |= self._assign(by_id[at : at + ARTICLES_AT_ONCE_MAX])
        return found

    def _assign(self, articles: Sequence[Told]) -> Mapping[str, str]:
        for _ in range(_TRIES_MAX):
            with answers():
                version, *known = self._client.mget(
                    [self._keys.stories_version, *(self._keys.story_of(told.article_id) for told in articles)]
                )
            found = {told.article_id: story for told, story in zip(articles, known, strict=True) if story}
            missing = [told for told in articles if told.article_id not in found]
            if not missing:
                return found
            pieces, whys, common = self._choose(missing)
            if self._write(version or "", missing, pieces, common):
                for why in whys:
                    self._metrics.story_articles.labels(why).inc()
                return found | {piece.article_id: piece.story for piece in pieces}
        raise StoreUnavailable("others write into the book of stories all the time")

    def _choose(self, articles: Sequence[Told]) -> tuple[list[Piece], list[Why], Mapping[str, Set[int]]]:
        pieces = [_unknown(told) for told in articles]
        common = self._common(pieces)
        earlier = self._earlier(pieces, common)
        chosen: list[Piece] = []
        whys: list[Why] = []
        for piece in pieces:
            choice = choose(
                piece,
                [*earlier.get(piece.article_id, ()), *chosen],
                self._hours,
                common.get(piece.language, frozenset()),
            )
            chosen.append(replace(piece, story=choice.story, began=choice.began))
            whys.append(choice.why)
        return chosen, whys, common

    def _common(self, pieces: Sequence[Piece]) -> Mapping[str, Set[int]]:
        """Per language, those of their terms that tell nothing, by the articles of that day and the one before."""
        asked: dict[str, set[int]] = {}
        days: dict[str, date] = {}
        for piece in pieces:
            asked.setdefault(piece.language, set()).update(piece.terms)
            days[piece.language] = max(days.get(piece.language, date.min), _day(piece))
        found = {}
        for language, terms in asked.items():
            numbers = sorted(terms)
            counts, articles = Counter[int](), 0
            for day in (days[language], days[language] - timedelta(days=1)):
                with answers():
                    n, *held = self._client.hmget(
                        self._keys.story_common(language, day), ["n", *(f"{term:x}" for term in numbers)]
                    )
                articles += int(n or 0)
                counts.update({term: int(count or 0) for term, count in zip(numbers, held, strict=True)})
            found[language] = common_terms(counts, articles)
        return found

    def _earlier(self, pieces: Sequence[Piece], common: Mapping[str, Set[int]]) -> Mapping[str, Sequence[Piece]]:
        """Per article, those that share most of its telling terms."""
        asked = [(piece, term) for piece in pieces for term in telling(piece.terms, common[piece.language])]
        if not asked:
            return {}
        with answers(), self._client.pipeline(transaction=False) as pipe:
            for _, term in asked:
                pipe.lrange(self._keys.story_term(term), 0, -1)
            lists = pipe.execute()
        shared: dict[str, Counter[str]] = {}
        for (piece, _), ids in zip(asked, lists, strict=True):
            shared.setdefault(piece.article_id, Counter()).update(ids)
        most = {own: [id_ for id_, _ in counts.most_common(CANDIDATES_MAX)] for own, counts in shared.items()}
        wanted = sorted({id_ for ids in most.values() for id_ in ids})
        if not wanted:
            return {}
        with answers():
            kept = self._client.mget([self._keys.story_piece(id_) for id_ in wanted])
        known = {id_: _piece(id_, text) for id_, text in zip(wanted, kept, strict=True) if text}
        return {own: [known[id_] for id_ in ids if id_ in known] for own, ids in most.items()}

    def _write(
        self, version: str, articles: Sequence[Told], pieces: Sequence[Piece], common: Mapping[str, Set[int]]
    ) -> bool:
        names = [self._keys.stories_version]
        numbers: dict[str, int] = {}

        def number(name: str) -> int:
            if name not in numbers:
                names.append(name)
                numbers[name] = len(names)
            return numbers[name]

        call = {
            "expected": version,
            "version": secrets.token_hex(8),  # no number: a Redis that lost its tail would reach it again
            "terms_kept": TERM_ARTICLES_MAX,
            "of_seconds": self._of_seconds,
            "piece_seconds": self._hours * 3600,
            "common_seconds": _COMMON_SECONDS,
            "articles": [
                {
                    "id": piece.article_id,
                    "story": piece.story,
                    "of": number(self._keys.story_of(piece.article_id)),
                    "piece": number(self._keys.story_piece(piece.article_id)),
                    "kept": msgspec.json.encode(
                        Kept(piece.story, piece.language, piece.at, piece.began, told.sketch)
                    ).decode()
                    if piece.terms
                    else "",
                    "terms": [
                        number(self._keys.story_term(term)) for term in telling(piece.terms, common[piece.language])
                    ],
                    "common": number(self._keys.story_common(piece.language, _day(piece))),
                    "all": [f"{term:x}" for term in sorted(piece.terms)],
                }
                for told, piece in zip(articles, pieces, strict=True)
            ],
        }
        with answers():
            return bool(self._script(keys=names, args=[msgspec.msgpack.encode(call)]))


def _day(piece: Piece) -> date:
    return datetime.fromtimestamp(piece.at, UTC).date()


def _unknown(told: Told) -> Piece:
    at = int(told.first_seen.timestamp())
    return Piece(
        article_id=told.article_id,
        story="",
        language=told.language or "",
        at=at,
        began=at,
        terms=terms_of(told.sketch),
    )


def _piece(article_id: str, text: str) -> Piece:
    kept = msgspec.json.decode(text, type=Kept)
    return Piece(
        article_id=article_id,
        story=kept.story,
        language=kept.language,
        at=kept.at,
        began=kept.began,
        terms=terms_of(kept.sketch),
    )
