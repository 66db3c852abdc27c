"""Publishing: articles and dead letters on a real embedded log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event

import pytest
from prometheus_client import CollectorRegistry

from producers.accept import Item, RawArticle, accept
from producers.publish import Tally, publish
from tests.producers.log import Log, unwritable
from wirewatch.errors import BrokerUnavailable, Rejected, UserError
from wirewatch.metrics import Metrics
from wirewatch.settings import Settings
from wirewatch.topics import ARTICLES

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)


def _article(title: str) -> Item:
    return Item("a.jsonl:1", accept(RawArticle(title=title), now=NOW, article_bytes_max=9_999), title.encode())


def _rejected(original: bytes) -> Item:
    return Item("a.jsonl:2", Rejected("empty", "there is neither a title nor a text"), original)


def test_articles_and_rejections_are_on_their_topics_when_publish_returns(log: Log) -> None:
    metrics = Metrics(CollectorRegistry())
    items = [_article("NAVO"), _rejected(b"{}"), _article("Iran")]
    assert publish(items, log.producer, stage="publish", metrics=metrics) == Tally(published=2, rejected=1)
    assert {article.title for article in log.articles()} == {"NAVO", "Iran"}
    [(letter, original)] = log.dead_letters()
    assert (letter.reason, letter.stage, letter.origin, letter.attempts) == ("empty", "publish", "a.jsonl:2", 1)
    assert original == b"{}"
    assert metrics.registry.get_sample_value("wirewatch_articles_published_total", {"way": "publish"}) == 2
    assert (
        metrics.registry.get_sample_value("wirewatch_articles_rejected_total", {"way": "publish", "reason": "empty"})
        == 1
    )


def test_an_article_is_keyed_by_its_id_so_that_repeats_share_a_partition(log: Log) -> None:
    publish([_article("NAVO")] * 2, log.producer, stage="publish", metrics=Metrics(CollectorRegistry()))
    one, other = log.messages(ARTICLES.name)
    assert one.key == other.key == log.articles()[0].id.encode()
    assert one.partition == other.partition


def test_more_than_a_batch_is_published_whole_and_in_batches(log: Log) -> None:
    sizes: list[int] = []
    items = (_article(f"title {n}") for n in range(1_200))
    tally = publish(
        items,
        log.producer,
        stage="publish",
        metrics=Metrics(CollectorRegistry()),
        on_batch=lambda batch: sizes.append(len(batch)),
    )
    assert tally.published == len({article.id for article in log.articles()}) == sum(sizes) == 1_200
    assert len(sizes) > 1


def test_an_original_too_large_for_a_message_is_cut_and_says_so(log: Log) -> None:
    publish([_rejected(b"x" * 2_000_000)], log.producer, stage="feeds", metrics=Metrics(CollectorRegistry()))
    [(letter, original)] = log.dead_letters()
    assert letter.cut_from == 2_000_000
    assert original == b"x" * 1_000_000


def test_nothing_counts_as_published_when_the_log_cannot_be_written(log: Log, settings: Settings) -> None:
    metrics = Metrics(CollectorRegistry())
    with pytest.raises(BrokerUnavailable), unwritable(settings):
        publish([_article("NAVO")], log.producer, stage="publish", metrics=metrics)
    assert metrics.registry.get_sample_value("wirewatch_articles_published_total", {"way": "publish"}) is None


def test_what_comes_through_a_slow_pipe_is_sent_without_waiting_for_more(log: Log) -> None:
    sent = Event()

    def pipe() -> Iterator[Item]:
        yield _article("first")
        assert sent.wait(30), "the first article waited for the second"
        yield _article("second")

    tally = publish(
        pipe(),
        log.producer,
        stage="publish",
        metrics=Metrics(CollectorRegistry()),
        on_batch=lambda _: sent.set(),
        live=True,
    )
    assert tally == Tally(published=2)
    assert {article.title for article in log.articles()} == {"first", "second"}


def test_a_file_that_cannot_be_read_while_items_come_live_is_not_taken_for_the_end(log: Log) -> None:
    def pipe() -> Iterator[Item]:
        yield _article("first")
        raise UserError("cannot be read")

    with pytest.raises(UserError, match="cannot be read"):
        publish(pipe(), log.producer, stage="publish", metrics=Metrics(CollectorRegistry()), live=True)
