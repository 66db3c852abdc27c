"""Metrics of what was really counted: told by the script's answer, so that a repeat is never shown twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from consumers.counters import COUNTED, UNDETERMINED
from wirewatch.broker import TopicPartition
from wirewatch.metrics import Metrics
from wirewatch.records import Entities, Mentions
from wirewatch.topics import MENTIONS

log = structlog.get_logger(__name__)

CLOCK_SKEW_MAX = timedelta(minutes=5)
"""A source's clock may be off by so much before its article counts as one from the future."""


class Observer:
    """Turns the script's answer into metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._newest: dict[str, float] = {}

    def applied(
        self, partition: TopicPartition, records: Sequence[Mentions | Entities], letters: str, gaps: int
    ) -> None:
        """``letters``: per record, c counted, d duplicate article, r redelivered (see apply.lua). ``gaps``: article
        offsets for which no record came; the stage before has lost them."""
        if gaps:
            self._metrics.offset_gaps.inc(gaps)
            log.error("articles are missing", topic=partition.topic, partition=partition.partition, offsets=gaps)
        if partition.topic == MENTIONS.name:  # every article has a record on both topics: count its repeat once
            self._metrics.duplicates.inc(letters.count("d"))
        for record, letter in zip(records, letters, strict=True):
            if letter != "c" or record.status not in COUNTED:
                continue
            if isinstance(record, Mentions):
                self._mentions(record)
            else:
                self._entities(record)

    def _mentions(self, record: Mentions) -> None:
        metrics = self._metrics
        source = metrics.bounded("source", record.source)
        metrics.articles.labels(source).inc()
        metrics.language_articles.labels(metrics.bounded("language", record.language or UNDETERMINED)).inc()
        for actor in record.actors:
            label = metrics.bounded("actor", actor.id)
            metrics.actor_articles.labels(label).inc()
            metrics.actor_mentions.labels(label).inc(len(actor.mentions))
        if record.first_seen is not None:
            self._newest[source] = max(self._newest.get(source, 0.0), record.first_seen.timestamp())
            metrics.source_last.labels(source).set(self._newest[source])
            if record.published is not None and record.published.timestamp() > (
                record.first_seen.timestamp() + CLOCK_SKEW_MAX.total_seconds()
            ):
                metrics.clock_skew.inc()

    def _entities(self, record: Entities) -> None:
        for entity in record.entities:
            self._metrics.entities_found.labels(self._metrics.bounded("label", entity.label)).inc()
