"""The ``entities`` stage: persons, organisations, places and more, by the trained pipeline of the article's language.

Where no pipeline serves a language, the record says ``skipped: no-pipeline``, a metric counts it, and the log of each
worker says so once. Alerts never wait for this stage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import structlog

from consumers.installed_pipelines import installed
from consumers.language import detect
from wirewatch.errors import Rejected
from wirewatch.records import FIELDS, Article, Entities, Entity, Field
from wirewatch.settings import Settings
from wirewatch.stage import Context, Marked, Received, Transform
from wirewatch.topics import ARTICLES, ENTITIES

if TYPE_CHECKING:
    from consumers.spacy_pipelines import Pipeline, Span

log = structlog.get_logger(__name__)

NO_PIPELINE = "no-pipeline"
NO_LANGUAGE = "language-undetermined"


class Pipelines:
    """The installed pipelines, each loaded when its language first appears, or all with ``load_all``."""

    def __init__(self, settings: Settings) -> None:
        # spaCy takes a second and 95 MB to import: only the process that extracts pays for it.
        from consumers import spacy_pipelines

        self._load = spacy_pipelines.Pipeline
        self._chars_max = settings.entity_chars_max
        self._available = installed(settings.models_dir)
        self._loaded: dict[str, Pipeline] = {}
        self._missing: set[str] = set()
        log.info("spaCy pipelines", languages=", ".join(sorted(self._available)) or "none installed")

    def load_all(self) -> None:
        """Load what is installed now, so that a pipeline that cannot be loaded is no article's fault."""
        for language in self._available:
            self._pipeline(language)

    def extract(self, batch: Sequence[tuple[Article, str | None]]) -> list[Entities | Rejected]:
        """One result per (article, language), in order.

        Rejected (``extraction-failed``) where the pipeline failed on that article alone. At most
        ``entity_chars_max`` characters of each field are looked at.
        """
        by_language: dict[str | None, list[int]] = defaultdict(list)
        for index, (_, language) in enumerate(batch):
            by_language[language].append(index)
        results: dict[int, Entities | Rejected] = {}
        for language, indexes in by_language.items():
            articles = [batch[index][0] for index in indexes]
            results.update(zip(indexes, self._extract(language, articles), strict=True))
        return [results[index] for index in range(len(batch))]

    def _extract(self, language: str | None, articles: Sequence[Article]) -> list[Entities | Rejected]:
        pipeline = self._pipeline(language)
        if pipeline is None:
            reason = NO_PIPELINE if language else NO_LANGUAGE
            return [_record(article, language, None, [], reason) for article in articles]
        places = [(i, field) for i, article in enumerate(articles) for field in FIELDS if article.field(field)]
        found = pipeline.extract([articles[i].field(field)[: self._chars_max] for i, field in places])
        spans: list[list[tuple[Field, Span]]] = [[] for _ in articles]
        failed: set[int] = set()
        for (i, field), entities in zip(places, found, strict=True):
            if entities is None:
                failed.add(i)
            else:
                spans[i] += [(field, span) for span in entities]
        return [
            Rejected("extraction-failed", f"pipeline {pipeline.name}", ours=True)
            if i in failed
            else _record(article, language, pipeline.name, spans[i], None)
            for i, article in enumerate(articles)
        ]

    def _pipeline(self, language: str | None) -> Pipeline | None:
        name = language or "unknown"
        if language in self._available:
            if language not in self._loaded:
                self._loaded[language] = self._load(self._available[language])
            return self._loaded[language]
        if name not in self._missing:
            self._missing.add(name)
            log.warning("no spaCy pipeline: entities of these articles are not extracted", language=name)
        return None


def _record(
    article: Article,
    language: str | None,
    pipeline: str | None,
    spans: Sequence[tuple[Field, Span]],
    reason: str | None,
) -> Entities:
    return Entities(
        status="skipped" if reason else "ok" if spans else "none",
        article_id=article.id,
        reason=reason,
        source=article.source,
        language=language,
        first_seen=article.first_seen,
        pipeline=pipeline,
        entities=tuple(_entity(field, span) for field, span in spans),
    )


def _entity(field: Field, span: Span) -> Entity:
    """Recognisers run across line breaks and blanks: the entity is what is left without them at its ends."""
    start = span.start + len(span.text) - len(span.text.lstrip())
    text = span.text.strip()
    return Entity(text=text, label=span.label, start=start, end=start + len(text), field=field)


class _Observer:
    """Counts, in the process that serves the metrics, what the worker processes found."""

    def __init__(self, context: Context) -> None:
        self._metrics = context.metrics
        self._pipelines: set[str] = set()

    def __call__(self, record: Entities) -> None:
        if record.reason in (NO_PIPELINE, NO_LANGUAGE):
            self._metrics.no_pipeline.labels(record.language or "unknown").inc()
        elif record.pipeline is not None and record.pipeline not in self._pipelines:
            self._pipelines.add(record.pipeline)
            self._metrics.describe_build(spacy_model=",".join(sorted(self._pipelines)))


class _Extraction:
    def __init__(self, context: Context) -> None:
        self._pipelines = Pipelines(context.settings)
        self._pipelines.load_all()

    def __call__(self, batch: Sequence[Received[Article]]) -> list[Entities | Rejected]:
        articles = [item.record for item in batch]
        languages = [_language(article) for article in articles]
        results = self._pipelines.extract(list(zip(articles, languages, strict=True)))
        return [
            result if isinstance(result, Rejected) else _received(result, item.message.timestamp_ms)
            for result, item in zip(results, batch, strict=True)
        ]


def _language(article: Article) -> str | None:
    language, _ = detect(f"{article.title}\n{article.summary or ''}\n{article.text[:2000]}", article.language)
    return language


def _received(record: Entities, timestamp_ms: int) -> Entities:
    return msgspec.structs.replace(record, received_ms=timestamp_ms)


def _mark(marked: Marked) -> Entities:
    return Entities(status=marked.status, reason=marked.reason, received_ms=marked.message.timestamp_ms)


EXTRACTION = Transform(
    name="entities",
    summary="finds persons, organisations and places with spaCy",
    reads=ARTICLES,
    writes=ENTITIES,
    open=_Extraction,
    mark=_mark,
    key=lambda record: record.article_id,
    # Dead-lettering what cannot be decoded is the actors stage's duty: the record is then in the letters once.
    dead_letters_undecodable=False,
    apart="consumers.entities:EXTRACTION",
    observe=_Observer,
)
