"""Floors for how well stories are found. Fitted on one half of the labelled articles; these are for the other half too.

The set is ours and small, and its articles are cleaner than the world's: the floors guard against a change for the
worse, they promise nothing about other texts.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from tests.quality.labelled_stories import LANGUAGES, labelled
from tests.quality.stories import found, table


def test_the_labelled_set_is_as_large_and_as_mixed_as_it_should_be() -> None:
    articles = labelled()
    assert len(articles) >= 300
    assert len({each.story for each in articles}) >= 60
    assert {each.mentions.language for each in articles} == set(LANGUAGES)
    assert all(each.mentions.actors for each in articles)
    kinds = Counter(each.kind for each in articles)
    assert min(kinds[kind] for kind in ("base", "reprint", "short", "rewrite", "follow-up", "late")) >= 20


@pytest.mark.parametrize("part", ["fit", "test"])
def test_stories_are_found_at_least_as_well_as_this(part: str) -> None:
    parts = table(found())
    for language in LANGUAGES:
        quality = parts[f"{part} {language}"]
        assert quality.precision >= 0.99, (language, quality)
        assert quality.recall >= 0.94, (language, quality)
        assert quality.notifications <= 1.15, (language, quality)
    across = parts[f"{part}, events across languages"]
    assert across.precision >= 0.99, across
    assert across.recall >= 0.88, across
    assert across.notifications <= 1.15, across


def test_reprints_and_shortened_versions_always_join() -> None:
    stories = found()
    copies = [each for each in labelled() if each.kind in ("base", "reprint", "short", "late")]
    for one, other in combinations(copies, 2):
        if one.story == other.story:
            assert stories[one.article.id] == stories[other.article.id], (one.article.id, other.article.id)


@pytest.mark.parametrize("batch", [7, 50, 320])
def test_batches_of_any_size_find_the_same_stories(batch: int) -> None:
    assert found(batch) == found()
