"""Trained spaCy pipelines, loaded, and the entities that they find. The only module that imports spaCy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import spacy
import structlog
from spacy.language import Language
from spacy.tokens import Doc

_DOCS_PER_BATCH = 64
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """An entity in a text; offsets in code points, half-open."""

    text: str
    label: str
    start: int
    end: int


class Pipeline:
    """One loaded pipeline, reduced to what finds entities. Not safe to share between threads."""

    def __init__(self, name: str) -> None:
        with warnings.catch_warnings():
            # A pipeline of another patch version of spaCy works; the warning would stand in every log.
            warnings.simplefilter("ignore", UserWarning)
            self._nlp = spacy.load(name)
        for component in set(self._nlp.pipe_names) - _needed(self._nlp):
            self._nlp.remove_pipe(component)
        meta = self._nlp.meta
        self.name = f"{meta['lang']}_{meta['name']}-{meta['version']}"

    def extract(self, texts: Sequence[str]) -> list[list[Span] | None]:
        """The entities of each text, in order; ``None`` where the pipeline failed on that text alone."""
        # Outside the zone neither documents nor new words are kept, so memory does not grow with the vocabulary.
        with self._nlp.memory_zone():
            try:
                return [_spans(document) for document in self._nlp.pipe(texts, batch_size=_DOCS_PER_BATCH)]
            except ValueError as error:
                # spaCy says so of a text that it cannot take, but not which one it was: find it.
                log.warning("a text broke the pipeline; taking them one by one", pipeline=self.name, error=str(error))
                return [self._alone(text) for text in texts]

    def _alone(self, text: str) -> list[Span] | None:
        try:
            return _spans(self._nlp(text))
        except ValueError:
            return None


def _spans(document: Doc) -> list[Span]:
    return [Span(entity.text, entity.label_, entity.start_char, entity.end_char) for entity in document.ents]


def _needed(nlp: Language) -> set[str]:
    """Components that set entities, and the shared embedding layers that those listen to."""
    finders = {name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns}
    listened = {
        name for name in nlp.pipe_names if finders & set(getattr(nlp.get_pipe(name), "listening_components", ()))
    }
    return finders | listened
