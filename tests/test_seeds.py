"""Every sample article: accepted or rejected as pinned, and exactly the actors that are pinned."""

from __future__ import annotations

import pytest

from consumers.recognise import Recogniser, compile_watchlist, recognise
from consumers.watchlist_file import load_watchlist
from producers.accept import Item
from tests import seeds
from wirewatch.errors import Rejected
from wirewatch.records import Article
from wirewatch.seeds import shipped

ENTRIES, DUPLICATES = seeds.expected()
ITEMS: dict[str, Item] = dict(seeds.items())


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return compile_watchlist(load_watchlist(shipped("watchlist.yaml")))


def article(origin: str) -> Article:
    outcome = ITEMS[origin].outcome
    assert isinstance(outcome, Article), f"{origin} was rejected: {outcome}"
    return outcome


@pytest.mark.parametrize("entry", ENTRIES, ids=seeds.origin)
def test_the_sample_names_the_actors_that_it_must_and_none_that_it_must_not(
    entry: seeds.Entry, recogniser: Recogniser
) -> None:
    if entry.get("rejected"):
        outcome = ITEMS[seeds.origin(entry)].outcome
        assert isinstance(outcome, Rejected)
        assert entry["reason_contains"].casefold() in str(outcome).casefold()
        return
    found = {actor.id for actor in recognise(article(seeds.origin(entry)), recogniser).actors}
    assert set(entry["must"]) <= found
    assert not found & set(entry["must_not"])


def test_every_sample_has_a_pin_and_every_pin_a_sample() -> None:
    assert sorted(ITEMS) == sorted(seeds.origin(entry) for entry in ENTRIES)


def test_every_actor_is_pinned_in_every_accepted_sample_or_a_note_says_why_not() -> None:
    for entry in ENTRIES:
        if not entry.get("rejected") and not entry.get("note"):
            assert {*entry["must"], *entry["must_not"]} == set(seeds.ACTORS), seeds.origin(entry)


def test_samples_that_are_one_article_have_one_id_and_no_others_share_one() -> None:
    for group in DUPLICATES:
        assert len({article(origin).id for origin in group}) == 1
    accepted = [item.outcome.id for item in ITEMS.values() if isinstance(item.outcome, Article)]
    repeats = sum(len(group) - 1 for group in DUPLICATES)
    assert len(accepted) - len(set(accepted)) == repeats


def test_there_are_at_least_forty_samples_in_ten_languages() -> None:
    accepted = [entry for entry in ENTRIES if not entry.get("rejected")]
    assert len(accepted) >= 40
    assert len({entry["language"] for entry in accepted}) >= 10
