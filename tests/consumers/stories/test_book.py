"""The book of stories on real servers: asked again it says the same, and what it holds expires."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from consumers.stories.book import CANDIDATES_MAX, TERM_ARTICLES_MAX, Stories, Told
from consumers.stories.choosing import own_story
from consumers.stories.sketch import sketch
from tests.consumers.making import KEYS, NOON, settings
from tests.simulation.chance import Chance
from tests.simulation.redis_model import Model, SimClient
from wirewatch.metrics import Metrics
from wirewatch.records import Article
from wirewatch.redis_client import Client, connect

TITLES = (
    "Frigate collides with cargo vessel near Bornholm, three sailors hurt",
    "Talks on uranium enrichment resume in Vienna after a long break",
    "Court in Rotterdam jails Gouda woman for six years over slavery",
    "",
)


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = connect(redis_url)
    yield client
    client.close()


def told(article_id: str, title: str, hours: float = 0, text: str = "") -> Told:
    article = Article(id=article_id, source="", title=title, text=text, first_seen=NOON, content_hash="")
    return Told(article_id=article_id, sketch=sketch(article), language="en", first_seen=NOON + timedelta(hours=hours))


def book(client: Client, **changes: int) -> Stories:
    return Stories(client, KEYS, settings(**changes), Metrics())


def simulated(**changes: int) -> Stories:
    calm = Chance(0)
    calm.calm = True
    return book(SimClient(Model(), calm, lambda: None), **changes)


ARTICLES = st.lists(
    st.builds(lambda number, title: told(f"a{number}", title), st.integers(0, 12), st.sampled_from(TITLES)),
    max_size=15,
)


@given(ARTICLES, st.lists(st.integers(1, 5), min_size=1), st.data())
@hypothesis_settings(max_examples=60, deadline=None)
def test_an_article_stays_in_its_story_however_often_and_in_whatever_batches_it_is_asked_for(
    articles: list[Told], sizes: list[int], data: st.DataObject
) -> None:
    stories = simulated()
    first: dict[str, str] = {}
    at = 0
    while at < len(articles):
        size = sizes[at % len(sizes)]
        for article_id, story in stories.assign(articles[at : at + size]).items():
            assert first.setdefault(article_id, story) == story
        at += size
    again = data.draw(st.permutations(articles))
    assert stories.assign(again) == first


@given(st.permutations([told(f"a{n}", TITLES[n % 3]) for n in range(9)]))
@hypothesis_settings(max_examples=30, deadline=None)
def test_articles_come_into_the_same_stories_in_any_order(articles: list[Told]) -> None:
    found = simulated().assign(articles)
    together = {frozenset(one for one, story in found.items() if story == each) for each in found.values()}
    assert together == {frozenset(f"a{n}" for n in range(start, 9, 3)) for start in range(3)}


def test_what_one_relay_wrote_another_finds(client: Client) -> None:
    first = book(client).assign([told("a", TITLES[0]), told("b", TITLES[1])])
    assert first == {"a": own_story("a"), "b": own_story("b")}
    assert book(client).assign([told("c", TITLES[0]), told("b", TITLES[2])]) == {"c": first["a"], "b": first["b"]}


def test_all_of_it_expires_and_an_article_is_known_longest(client: Client) -> None:
    book(client, story_hours=10, seen_days=7).assign([told("a", TITLES[0])])
    lives = {key.removeprefix("ww:{stories}:").partition(":")[0]: client.ttl(key) for key in client.scan_iter()}
    assert lives.pop("version") == -1
    assert 0 < lives.pop("common") <= 3 * 86_400
    assert 0 < lives["piece"] <= 10 * 3600
    assert 0 < lives["term"] <= 10 * 3600
    assert 7 * 86_400 < lives["of"] <= 8 * 86_400


def test_a_story_takes_in_no_article_that_comes_much_later(client: Client) -> None:
    stories = book(client, story_hours=24)
    found = stories.assign([told("a", TITLES[0]), told("b", TITLES[0], hours=23), told("c", TITLES[0], hours=30)])
    assert found["a"] == found["b"] != found["c"]


def test_what_is_kept_per_term_and_read_per_article_has_a_limit(client: Client) -> None:
    for n in range(0, 3 * TERM_ARTICLES_MAX, 30):
        book(client).assign([told(f"a{m}", TITLES[0]) for m in range(n, n + 30)])
    lengths = [client.llen(key) for key in client.scan_iter("ww:{stories}:term:*")]
    assert max(lengths) == TERM_ARTICLES_MAX >= CANDIDATES_MAX
    assert book(client).assign([told("z", TITLES[0])]) == {"z": own_story("a0")}


def test_words_that_most_articles_have_join_no_stories(client: Client) -> None:
    frame = "according agency reported government spokesman comment region officials situation"
    stories = book(client)
    own = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(120)]
    titles = [f"{frame} {two}arol {two}ebin {two}itum {two}osak {two}uvel" for two in own]
    found: dict[str, str] = {}
    for n, title in enumerate(titles):
        found |= stories.assign([told(f"a{n}", title)])
    assert len(set(found.values())) > 60
    assert stories.assign([told("again", titles[100])]) == {"again": found["a100"]}
