"""The book in memory tells the stories that the book in Redis tells."""

from __future__ import annotations

from consumers.stories.choosing import own_story
from consumers.stories.memory_book import MemoryBook
from tests.consumers.making import settings
from tests.quality.labelled_stories import labelled
from tests.quality.stories import found
from wirewatch.records import Mentions


def test_of_the_labelled_articles_both_books_tell_the_same_stories() -> None:
    book = MemoryBook(settings().story_hours)
    records = [
        Mentions(
            status="ok",
            article_id=each.told.article_id,
            sketch=each.told.sketch,
            language=each.told.language,
            first_seen=each.told.first_seen,
        )
        for each in labelled()
    ]
    stories = {record.article_id: book.story_of(record) for record in records}
    assert stories == found()
    assert stories == {record.article_id: book.story_of(record) for record in records}, "asked again, the same"


def test_without_hours_each_article_is_its_own_story() -> None:
    assert MemoryBook(0).story_of(Mentions(status="ok", article_id="a1")) == own_story("a1")
