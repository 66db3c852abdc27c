"""The stage ``entities`` for worker processes whose pipeline has a component that is dangerous on some words."""

from __future__ import annotations

from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from consumers.entities import EXTRACTION
from tests.wirewatch.risky import obey

__all__ = ["EXTRACTION", "dangerous"]

APART = "tests.consumers.dangerous:EXTRACTION"


@Language.component("dangerous", assigns=["doc.ents"])
def dangerous(doc: Doc) -> Doc:
    """As an operator's own component may be: it does what the last word says."""
    obey(doc[-1].text if len(doc) else "")
    return doc


def make_pipeline(folder: Path) -> None:
    """A tiny Dutch pipeline with it, as an operator would mount it."""
    nlp = spacy.blank("nl")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "ORG", "pattern": "NAVO"}])  # type: ignore[attr-defined]
    nlp.add_pipe("dangerous", first=True)
    nlp.meta.update({"name": "dangerous", "version": "0"})
    nlp.to_disk(folder / "nl")
