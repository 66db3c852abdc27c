"""The records on the topics: one frozen type each, changed only by adding fields that have defaults.

Times are aware datetimes in UTC. Unknown is ``None``. Offsets (``start``, ``end``) count Unicode code points of the
field they point into, half-open. Every record carries what the next stage needs, so no stage joins topics.
"""

from __future__ import annotations

from datetime import MAXYEAR, datetime
from typing import Annotated, Literal

import msgspec

Field = Literal["title", "summary", "text"]
FIELDS: tuple[Field, ...] = ("title", "summary", "text")
MentionKind = Literal["name", "derived", "metonym"]
Severity = Literal["info", "warning", "critical"]
# A record whose time has no zone is invalid: guessed, it would be counted in another hour on each machine.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
# What raises an alert: an article that matches a rule, or a volume rule (an actor's rate, a pair of actors, a source).
AlertKind = Literal["article", "spike", "new-pair", "silent-source"]
# ok: something was found; none: nothing was; skipped: not looked at, with a reason; dlq: dead-lettered.
Status = Literal["ok", "none", "skipped", "dlq"]


class Article(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One article as a producer accepted it. ``id`` is deterministic (see producers.identity)."""

    id: str
    source: str
    title: str
    text: str
    first_seen: Moment
    content_hash: str
    url: str | None = None
    summary: str | None = None
    language: str | None = None
    """As the source declares it: a lower-case BCP 47 primary subtag."""
    language_detected: str | None = None
    authors: tuple[str, ...] = ()
    published: Moment | None = None
    """As the source claims it; may lie in the future or be missing."""
    fetched_from: str | None = None
    revision: int = 1

    def __post_init__(self) -> None:
        """Refuses times at the edge of the calendar that have no form in UTC: later stages compute with them."""
        for moment in (self.first_seen, self.published):
            if moment is not None and not 1 < moment.year < MAXYEAR:
                raise ValueError(f"the year {moment.year} is outside the calendar")

    def field(self, name: Field) -> str:
        """The text of one field; empty where there is none."""
        return getattr(self, name) or ""


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """One place in one article where a watched actor is named."""

    text: str
    start: int
    end: int
    field: Field
    kind: MentionKind
    score: float
    why: str
    sentence: int | None = None
    """Index into ``Mentions.sentences``."""


class ActorMentions(msgspec.Struct, frozen=True, kw_only=True):
    """All mentions of one actor in one article; ``score`` is the probability that the article names the actor."""

    id: str
    name: str
    score: float
    mentions: tuple[Mention, ...]


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of the article that holds a mention, cut out so that an alert needs nothing else."""

    field: Field
    start: int
    text: str
    paragraph: int | None = None
    """Index into ``Mentions.paragraphs``."""


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """A paragraph of the article that holds a mention, for rules that ask which words stand near; may be cut short."""

    field: Field
    start: int
    text: str


class Mentions(msgspec.Struct, frozen=True, kw_only=True):
    """What the ``actors`` stage found at one source offset: exactly one record per record of ``articles.v1``."""

    status: Status
    article_id: str | None = None
    reason: str | None = None
    source: str = ""
    title: str = ""
    url: str | None = None
    language: str | None = None
    """Detected, or declared where detection is unsure; ``None`` is undetermined."""
    published: Moment | None = None
    first_seen: Moment | None = None
    received_ms: int = 0
    """Broker time stamp of the article record, milliseconds since the epoch: when the article was acknowledged."""
    actors: tuple[ActorMentions, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    paragraphs: tuple[Paragraph, ...] = ()
    watchlist_version: str = ""
    revision: int = 1
    """That of the article: more than 1 for an edit of an article that was published before."""
    sketch: str = ""
    """What its text looks like, in few bytes, for telling which articles are one story (consumers/stories)."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A person, organisation, place, … that the text names. ``label`` is the pipeline's own, e.g. PER, ORG, GPE."""

    text: str
    label: str
    start: int
    end: int
    field: Field


class Entities(msgspec.Struct, frozen=True, kw_only=True):
    """What the ``entities`` stage found at one source offset; ``skipped`` with reason ``no-pipeline`` where the
    article's language has no trained pipeline installed."""

    status: Status
    article_id: str | None = None
    reason: str | None = None
    source: str = ""
    language: str | None = None
    first_seen: Moment | None = None
    received_ms: int = 0
    pipeline: str | None = None
    """Name and version of the spaCy pipeline that was used."""
    entities: tuple[Entity, ...] = ()


class Highlight(msgspec.Struct, frozen=True, kw_only=True):
    """A mention inside an alert's sentence: offsets count from the start of that sentence."""

    start: int
    end: int
    actor: str


class AlertSentence(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence to show, with the mentions to highlight in it."""

    field: Field
    text: str
    highlights: tuple[Highlight, ...] = ()


class AlertActor(msgspec.Struct, frozen=True, kw_only=True):
    """An actor that an alert is about, and why it was recognised."""

    id: str
    name: str
    score: float
    mentions: int
    why: str


class AlertArticle(msgspec.Struct, frozen=True, kw_only=True):
    """One article of an alert's story that matched the rule."""

    article_id: str
    title: str
    source: str
    url: str | None = None
    language: str | None = None
    published: Moment | None = None
    first_seen: Moment | None = None
    revision: int = 1


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What people are told: a rule and a story, or a rule and a window. Raised once, by the first article that matches;
    what comes later (more articles of the story, edits) makes a new ``revision`` of it with the same ``id``.

    ``id`` is deterministic: a hash of the rule, its version, and the story (or the actors and the window), so a repeat
    can be recognised as one. Title, source, sentences and the like are those of the article that raised it, in its
    newest edit. In the outbox, before a story is known, ``id`` is the same as ``match``.
    """

    id: str
    rule: str
    rule_version: str
    severity: Severity
    reason: str
    actors: tuple[AlertActor, ...]
    article_id: str
    title: str
    source: str
    url: str | None
    language: str | None
    published: Moment | None
    first_seen: Moment | None
    raised: Moment
    received_ms: int
    sentences: tuple[AlertSentence, ...] = ()
    kind: AlertKind = "article"
    summary: str = ""
    """That of the rule: what it is for."""
    match: str = ""
    """Which match made this revision: a hash of the rule, its version, the actors and the article."""
    story: str = ""
    """Id of the story; empty for a volume rule."""
    revision: int = 1
    updated: Moment | None = None
    """When this revision was made; None for the first."""
    article_revision: int = 1
    story_articles: int = 1
    """Articles of the story that matched the rule, by now."""
    articles: tuple[AlertArticle, ...] = ()
    """The newest of them, newest first, at most 20; the one that raised the alert is always among them."""
    sources: tuple[str, ...] = ()
    """Their sources, in the order in which they came, at most 20."""
    old: bool = False
    """Published long before we first saw it: kept, and by default no one is notified."""
