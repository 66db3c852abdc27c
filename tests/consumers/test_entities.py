"""Entities of articles, with real spaCy pipelines made on the spot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from consumers.entities import EXTRACTION, Pipelines
from consumers.installed_pipelines import installed
from consumers.spacy_pipelines import Pipeline
from wirewatch.broker import Message
from wirewatch.errors import Rejected
from wirewatch.metrics import Metrics
from wirewatch.records import Article, Entities
from wirewatch.settings import Settings
from wirewatch.stage import Context, Marked, Received
from wirewatch.topics import ARTICLES

BREAKING = "breekt"


@Language.component("breaks_on_a_word")
def breaks_on_a_word(doc: Doc) -> Doc:
    """A component with a fault, as an operator's own may have."""
    if BREAKING in doc.text:
        raise ValueError("as asked")
    return doc


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dutch pipeline that knows two names, in a folder as an operator would mount it."""
    folder = tmp_path_factory.mktemp("models")
    nlp = spacy.blank("nl")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(  # type: ignore[attr-defined]
        [
            {"label": "PER", "pattern": "Jens Stoltenberg"},
            {"label": "ORG", "pattern": "NAVO\n"},
            {"label": "ORG", "pattern": "NAVO"},
        ]
    )
    nlp.meta.update({"name": "test_names", "version": "1.2.3"})
    nlp.to_disk(folder / "nl")
    return folder


def article(text: str, title: str = "Kop", language: str | None = "nl") -> Article:
    return Article(
        id="0" * 32,
        source="test",
        title=title,
        text=text,
        language=language,
        first_seen=datetime(2026, 1, 1, tzinfo=UTC),
        content_hash="0",
    )


def extract(models_dir: Path | None, *pairs: tuple[Article, str | None]) -> list[Entities | Rejected]:
    return Pipelines(Settings(models_dir=models_dir)).extract(pairs)


def test_the_entities_of_title_and_text_point_into_the_field_they_stand_in(models_dir: Path) -> None:
    made = article("De baas van de NAVO heet Jens Stoltenberg.", title="Jens Stoltenberg in Irak")
    (record,) = extract(models_dir, (made, "nl"))
    assert isinstance(record, Entities)
    assert record.status == "ok"
    assert record.pipeline == "nl_test_names-1.2.3"
    assert {(e.text, e.label, e.field) for e in record.entities} == {
        ("Jens Stoltenberg", "PER", "title"),
        ("NAVO", "ORG", "text"),
        ("Jens Stoltenberg", "PER", "text"),
    }
    for entity in record.entities:
        assert made.field(entity.field)[entity.start : entity.end] == entity.text


def test_an_article_without_names_has_none(models_dir: Path) -> None:
    (record,) = extract(models_dir, (article("Het regent vandaag."), "nl"))
    assert isinstance(record, Entities)
    assert (record.status, record.entities) == ("none", ())


def test_a_language_without_a_pipeline_is_skipped_with_that_reason_and_counted(models_dir: Path) -> None:
    metrics = Metrics()
    assert EXTRACTION.observe is not None
    observe = EXTRACTION.observe(Context(settings=Settings(), metrics=metrics))
    pipelines = Pipelines(Settings(models_dir=models_dir))
    records = pipelines.extract([(article("Jambo dunia"), "sw"), (article("?"), None)])
    assert [(r.status, r.reason) for r in records if isinstance(r, Entities)] == [
        ("skipped", "no-pipeline"),
        ("skipped", "language-undetermined"),
    ]
    for record in records:
        assert isinstance(record, Entities)
        observe(record)
    assert metrics.registry.get_sample_value("wirewatch_entities_no_pipeline_total", {"language": "sw"}) == 1


def test_results_come_in_the_order_of_the_articles_whatever_their_languages(models_dir: Path) -> None:
    records = extract(
        models_dir, (article("a"), "sw"), (article("De NAVO"), "nl"), (article("b"), None), (article("c"), "nl")
    )
    assert [r.status for r in records if isinstance(r, Entities)] == ["skipped", "ok", "skipped", "none"]


def test_a_text_that_breaks_the_pipeline_is_rejected_alone(tmp_path: Path) -> None:
    nlp = spacy.blank("nl")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "ORG", "pattern": "NAVO"}])  # type: ignore[attr-defined]
    nlp.meta.update({"name": "fragile", "version": "0"})
    nlp.to_disk(tmp_path / "nl")
    pipeline = Pipeline(str(tmp_path / "nl"))
    pipeline._nlp.add_pipe("breaks_on_a_word", first=True)
    found = pipeline.extract(["De NAVO", f"De NAVO {BREAKING}", "De NAVO"])
    assert [spans is not None for spans in found] == [True, False, True]


def test_only_what_finds_entities_is_kept_and_the_layer_it_listens_to(tmp_path: Path) -> None:
    nlp = spacy.blank("nl")
    nlp.add_pipe("tok2vec")
    nlp.add_pipe("tagger", config={"model": {"tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}}})
    nlp.add_pipe("ner", config={"model": {"tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}}})
    example = spacy.training.Example.from_dict(
        nlp.make_doc("De NAVO"), {"entities": [(3, 7, "ORG")], "tags": ["DET", "PROPN"]}
    )
    nlp.initialize(lambda: [example])
    nlp.meta.update({"name": "listening", "version": "0"})
    nlp.to_disk(tmp_path / "nl")
    pipeline = Pipeline(str(tmp_path / "nl"))
    assert pipeline._nlp.pipe_names == ["tok2vec", "ner"]
    assert len(pipeline.extract(["De NAVO vergadert."])) == 1


def test_a_mounted_pipeline_is_found_by_its_folder_and_other_folders_are_not(models_dir: Path) -> None:
    (models_dir / "notes").mkdir(exist_ok=True)
    found = installed(models_dir)
    assert found["nl"] == str(models_dir / "nl")
    assert "notes" not in found


def test_the_stage_gives_one_record_per_article_with_the_time_the_broker_took_it(models_dir: Path) -> None:
    apply = EXTRACTION.open(Context(settings=Settings(models_dir=models_dir), metrics=Metrics()))
    made = article(
        "De secretaris-generaal van de NAVO sprak gisteren in Brussel met de Iraakse premier over de missie."
    )
    message = Message("articles.v1", 0, 7, 1_600_000_000_000, None, ARTICLES.encode(made))
    (record,) = apply([Received(made, message)])
    assert isinstance(record, Entities)
    assert (record.status, record.received_ms, record.language) == ("ok", 1_600_000_000_000, "nl")


def test_a_rejected_article_still_has_its_marker() -> None:
    message = Message("articles.v1", 0, 7, 5, None, b"nonsense")
    record = EXTRACTION.mark(Marked(message, "dlq", "undecodable"))
    assert (record.status, record.reason, record.received_ms) == ("dlq", "undecodable", 5)
