"""The ``actors`` stage: one record per article, whatever the article is like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from consumers.actors import ACTORS
from tests.consumers.articles import article, shipped_recogniser
from wirewatch.broker import Message
from wirewatch.errors import UserError
from wirewatch.metrics import Metrics
from wirewatch.records import Article, Mentions
from wirewatch.settings import load
from wirewatch.stage import Context, Marked, Received
from wirewatch.topics import ARTICLES, MENTIONS

PUBLISHED = datetime(2020, 1, 7, 18, 42, tzinfo=UTC)


def message(offset: int = 0, key: bytes | None = b"a") -> Message:
    return Message(ARTICLES.name, 3, offset, 1_578_422_520_000, key, b"")


def opened(watchlist: Path | None = None) -> Context:
    return Context(settings=load(watchlist=watchlist), metrics=Metrics())


def applied(*articles: Article) -> Sequence[Mentions]:
    apply = ACTORS.open(opened())
    results = apply([Received(each, message(number)) for number, each in enumerate(articles)])
    return [result for result in results if isinstance(result, Mentions)]


def test_the_record_carries_what_an_alert_needs() -> None:
    source = msgspec.structs.replace(
        article("NAVO-baas belt Iran", "Niets nieuws. De NAVO blijft in Irak. Meer volgt.", language="nl"),
        url="https://nieuws.example/1",
        published=PUBLISHED,
    )
    (record,) = applied(source)
    assert (record.status, record.article_id, record.source, record.title) == ("ok", "a", "wire", source.title)
    assert (record.url, record.published, record.first_seen) == (source.url, PUBLISHED, source.first_seen)
    assert (record.language, record.received_ms) == ("nl", 1_578_422_520_000)
    assert record.watchlist_version == shipped_recogniser().watchlist.version
    assert [actor.id for actor in record.actors] == ["nato", "iran"]
    assert [sentence.text for sentence in record.sentences] == ["NAVO-baas belt Iran", "De NAVO blijft in Irak."]


def test_the_record_carries_each_paragraph_that_names_an_actor_once_and_the_articles_revision() -> None:
    text = "Iran spoke. Nobody answered. Iran left.\n\nIran again.\n\nNothing here.\n\nThen NATO met. It was late."
    source = msgspec.structs.replace(article("Iran speaks", text, language="en"), revision=3)
    (record,) = applied(source)
    assert record.revision == 3
    shown = [(sentence.text, sentence.paragraph) for sentence in record.sentences]
    # A paragraph of one sentence is that sentence.
    assert shown == [
        ("Iran speaks", None), ("Iran spoke.", 0), ("Iran left.", 0), ("Iran again.", None), ("Then NATO met.", 1)
    ]  # fmt: skip
    assert [(each.field, each.text) for each in record.paragraphs] == [
        ("text", "Iran spoke. Nobody answered. Iran left."),
        ("text", "Then NATO met. It was late."),
    ]
    assert [text[each.start :][: len(each.text)] for each in record.paragraphs] == [p.text for p in record.paragraphs]


def test_the_paragraphs_of_a_record_are_bounded() -> None:
    text = "\n\n".join(f"Iran spoke {n}. Nobody answered." for n in range(100)) + " word" * 5_000
    (record,) = applied(article("News", text, language="en"))
    assert len(record.paragraphs) == 40
    assert len(record.sentences) == 100
    assert record.sentences[-1].paragraph is None


def test_an_article_without_a_watched_actor_is_recorded_as_none() -> None:
    (record,) = applied(article("Weer regen", "Morgen wordt het droog.", language="nl"))
    assert (record.status, record.actors, record.sentences) == ("none", (), ())
    assert record.language == "nl"


def test_odd_articles_get_a_record_each_in_order() -> None:
    odd = [article(), article("\ud800\x00IS\u200b"), article("NATO" * 50_000), article("Iran", language="??")]
    assert [record.status for record in applied(*odd)] == ["none", "none", "none", "ok"]


def test_the_record_survives_the_topic() -> None:
    (record,) = applied(article("Iran dreigt", "De terreurgroep IS ook.", language="nl"))
    assert msgspec.json.decode(MENTIONS.encode(record), type=Mentions) == record
    assert ACTORS.key(record) == "a"


@pytest.mark.parametrize(("key", "article_id"), [(b"a", "a"), (None, None), (b"\xff", "\ufffd")])
def test_a_rejected_article_is_marked_with_status_and_reason(key: bytes | None, article_id: str | None) -> None:
    record = ACTORS.mark(Marked(message(key=key), "dlq", "undecodable"))
    assert (record.status, record.reason, record.article_id) == ("dlq", "undecodable", article_id)
    assert record.received_ms == 1_578_422_520_000


def test_a_mistake_in_the_watchlist_stops_the_stage_before_it_reads(tmp_path: Path) -> None:
    broken = tmp_path / "watchlist.yaml"
    broken.write_text("version: 1\nactors: none\n")
    with pytest.raises(UserError, match=r"watchlist\.yaml:2: actors must be a list"):
        ACTORS.open(opened(broken))


def test_the_actors_stage_is_the_one_that_dead_letters_what_cannot_be_decoded() -> None:
    assert (ACTORS.name, ACTORS.reads, ACTORS.writes) == ("actors", ARTICLES, MENTIONS)
    assert ACTORS.dead_letters_undecodable
