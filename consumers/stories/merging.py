"""The alert as a rule and a story: what a match makes of it. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from msgspec.structs import replace

from wirewatch.records import Alert, AlertArticle

ARTICLES_MAX = 20
SOURCES_MAX = 20


def merge(previous: Alert | None, match: Alert, story: str, now: datetime) -> Alert | None:
    """The alert once ``match`` is in it: a first revision, or the next one of ``previous``; None when nothing is new.

    Nothing is new in an article that the alert has in the same or a later revision; so repeats, in any order, change
    nothing. An edit of an article that the alert no longer lists changes nothing either: it was counted before. Alerts
    of volume rules are about no story, and come once.
    """
    if match.kind != "article":
        return replace(match, match=match.match or match.id) if previous is None else None
    own = _article(match)
    if previous is None:
        return replace(
            match,
            id=alert_id(match, story),
            match=match.match or match.id,
            story=story,
            revision=1,
            updated=None,
            story_articles=1,
            articles=(own,),
            sources=(match.source,),
        )
    known = next((each for each in previous.articles if each.article_id == own.article_id), None)
    if known is not None and own.revision <= known.revision:
        return None
    if known is None and own.revision > 1 and len(previous.articles) == ARTICLES_MAX:
        return None
    leading = replace(match, id=previous.id, raised=previous.raised, received_ms=previous.received_ms)
    return replace(
        leading if own.article_id == previous.article_id else previous,
        match=match.match or match.id,
        story=story,
        revision=previous.revision + 1,
        updated=now,
        story_articles=previous.story_articles + (known is None),
        articles=_articles(previous, known, own),
        sources=_sources(previous, match.source),
        old=previous.old and match.old,
    )


def alert_id(match: Alert, story: str) -> str:
    """The same for the same rule and story, whoever computes it and whenever."""
    parts = (match.rule, match.rule_version, story)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def is_old(match: Alert, hours: int) -> bool:
    """Whether the article claims to be published more than ``hours`` before we first saw it."""
    if match.published is None or match.first_seen is None:
        return False
    return match.first_seen - match.published > timedelta(hours=hours)


def _articles(previous: Alert, known: AlertArticle | None, own: AlertArticle) -> tuple[AlertArticle, ...]:
    """The newest first; so the last one raised the alert, and stays."""
    if known is not None:
        return tuple(own if each is known else each for each in previous.articles)
    *others, raising = previous.articles
    return (own, *others[: ARTICLES_MAX - 2], raising)


def _sources(previous: Alert, source: str) -> tuple[str, ...]:
    return previous.sources if source in previous.sources else (*previous.sources, source)[:SOURCES_MAX]


def _article(match: Alert) -> AlertArticle:
    return AlertArticle(
        article_id=match.article_id,
        title=match.title,
        source=match.source,
        url=match.url,
        language=match.language,
        published=match.published,
        first_seen=match.first_seen,
        revision=match.article_revision,
    )
