"""Documents parsed in several processes: what ends one of them ends nothing else; see test_apart.py for one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from producers import documents
from producers.apart_pool import ApartPool
from producers.documents import Document
from wirewatch.errors import Rejected

FEED = b"<rss version='2.0'><channel><title>K</title><link>https://k.example/</link>%s</channel></rss>"
ITEM = b"<item><title>Artikel %d</title><link>https://k.example/%d</link></item>"
SITEMAP = b"<sitemapindex><sitemap><loc>https://k.example/news.xml</loc></sitemap></sitemapindex>"
PAGE = b"<html><head><title>T</title></head><body><article><p>%s</p></article></body></html>" % (b"Een zin. " * 40)
OFFERS = b"<html><link rel=alternate type=application/rss+xml href=/rss></html>"


def document(data: bytes, kind: str = "feed") -> Document:
    return Document(kind=kind, data=data, bytes_max=1_000_000, url="https://k.example/", content_type=None)  # type: ignore[arg-type]


@pytest.fixture
def pool() -> Iterator[ApartPool]:
    with ApartPool(2, recycle_documents=2) as opened:
        yield opened


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True) if child.status() != "zombie"}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (FEED % (ITEM % (1, 1)), "feed"),
        (FEED % b"<item></item>", "feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"title": 3}, {"title": "A"}]}', "feed"),
        (SITEMAP, "feed"),
        (PAGE, "page"),
        (OFFERS, "offers"),
    ],
)
def test_what_comes_back_is_what_parsing_here_gives(pool: ApartPool, data: bytes, kind: str) -> None:
    here, apart = documents.parse(document(data, kind)), pool(document(data, kind))
    assert str(apart) == str(here)
    assert (apart.children, apart.hubs, apart.topic) == (here.children, here.hubs, here.topic)


def test_many_threads_share_the_processes_which_are_replaced_in_time(pool: ApartPool) -> None:
    before = children()
    with ThreadPoolExecutor(5) as threads:
        found = threads.map(lambda n: pool(document(FEED % (ITEM % (n, n)))), range(9))
        assert [f"Artikel {n}" in str(feed.items[0].raw) for n, feed in enumerate(found)] == [True] * 9
    assert len(children() - before) <= 2
    first = children() - before
    for n in range(6):
        pool(document(FEED % (ITEM % (n, n))))
    assert children() - before != first
    pool.close()
    assert children() == before


def test_a_process_that_is_killed_from_outside_rejects_one_document(pool: ApartPool) -> None:
    before = children()
    pool(document(FEED % b""))
    for pid in children() - before:
        psutil.Process(pid).kill()
        psutil.Process(pid).wait()
    with pytest.raises(Rejected, match="parse-"):
        pool(document(FEED % b""))
    assert pool(document(FEED % b"")).title == "K"
