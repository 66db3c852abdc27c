"""Full texts from real pages, as far as the site lets robots read them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from producers import documents
from producers.accept import Item, RawArticle, accept
from producers.feeds.fetch import Fetcher
from producers.feeds.pages import Pages, merged
from tests.producers.feeds.server import Server, gzipped, reply, serving
from wirewatch.metrics import Metrics
from wirewatch.records import Article
from wirewatch.settings import Settings

NOW = datetime(2020, 1, 6, 12, 0, tzinfo=UTC)
SETTINGS = Settings(page_wait_seconds=0.001, fetch_bytes_max=100_000, user_agent="wirewatch-test")
WORDS = "De NAVO schort de missie in Irak op nadat de spanningen in de regio verder zijn opgelopen. " * 12
PAGE = f"<html><head><title>NAVO</title></head><body><article><h1>NAVO</h1><p>{WORDS}</p></article></body></html>"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as opened:
        opened.answers["/a"] = reply(200, PAGE.encode(), Content_Type="text/html; charset=utf-8")
        yield opened


def article(url: str, text: str = "") -> Article:
    return accept(RawArticle(url=url, title="NAVO", summary="Kort.", text=text), now=NOW, article_bytes_max=900_000)


def completed(*articles: Article) -> tuple[list[Article], dict[str, float]]:
    metrics = Metrics(CollectorRegistry())

    async def run() -> list[Item]:
        async with Fetcher(SETTINGS, allow_private=True) as fetcher:
            with ThreadPoolExecutor(1) as threads:
                pages = Pages(fetcher, SETTINGS, metrics, threads, documents.parse)
                return await pages.complete([Item("o", each, b"") for each in articles])

    items = asyncio.run(run())
    counted = {
        sample.labels["outcome"]: sample.value
        for family in metrics.registry.collect()
        if family.name == "wirewatch_feed_pages"
        for sample in family.samples
    }
    return [item.outcome for item in items if isinstance(item.outcome, Article)], counted


def test_an_article_with_only_a_summary_gets_the_text_of_its_page_and_keeps_its_id(server: Server) -> None:
    before = article(f"{server.url}/a")
    [whole], counted = completed(before)
    assert "spanningen in de regio" in whole.text
    assert (whole.id, whole.title, whole.summary) == (before.id, "NAVO", "Kort.")
    assert counted == {"read": 1}


def test_robots_txt_is_asked_once_and_what_it_forbids_is_not_read(server: Server) -> None:
    rules = b"User-agent: *\nDisallow: /private/*\n\nUser-agent: other\nDisallow: /\n"
    server.answers["/robots.txt"] = reply(200, rules)
    found, counted = completed(article(f"{server.url}/private/1"), article(f"{server.url}/a"))
    assert [bool(each.text) for each in found] == [False, True]
    assert counted == {"robots": 1, "read": 1}
    assert [path for path, _ in server.requests] == ["/robots.txt", "/a"]


@pytest.mark.parametrize(("status", "read"), [(404, True), (403, True), (410, True), (429, False), (500, False)])
def test_without_robots_txt_all_is_allowed_and_with_a_broken_one_nothing(
    server: Server, status: int, read: bool
) -> None:
    server.answers["/robots.txt"] = reply(status)
    [found], _ = completed(article(f"{server.url}/a"))
    assert bool(found.text) is read


def test_a_page_that_fails_is_huge_or_is_no_page_leaves_the_article_as_the_feed_has_it(server: Server) -> None:
    server.answers |= {
        "/pdf": reply(200, b"%PDF", Content_Type="application/pdf"),
        "/bomb": gzipped(b"\0" * 10_000_000),
        "/empty": reply(200, b"<html></html>", Content_Type="text/html"),
    }
    articles = [article(f"{server.url}/{name}") for name in ("none", "pdf", "bomb", "empty")]
    found, counted = completed(*articles)
    assert found == articles
    assert counted == {"http-status": 1, "not-html": 1, "too-large": 1, "empty": 1}


def test_an_article_whose_text_is_in_the_feed_needs_no_page(server: Server) -> None:
    completed(article(f"{server.url}/a", text=WORDS))
    assert server.requests == []


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("https://krant.example/nieuws/1", "https://krant.example/nieuws/1"),
        ("https://www.krant.example/nieuws/1", "https://www.krant.example/nieuws/1"),
        # Not another site's word, and not the front page, which careless sites state on every page.
        ("https://elders.example/1", "https://m.krant.example/1"),
        ("https://krant.example/", "https://m.krant.example/1"),
        ("nonsense", "https://m.krant.example/1"),
    ],
)
def test_the_address_that_a_page_states_is_taken_where_it_is_one_of_the_same_site(stated: str, kept: str) -> None:
    assert merged(article("https://m.krant.example/1"), "", stated, 900_000).url == kept
