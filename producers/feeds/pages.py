"""The full text of an article from its own page, where the site allows robots to read it. The only user of protego."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec
from protego import Protego

from producers.accept import Item, RawArticle, clean_text
from producers.documents import Document, Parse
from producers.feeds.fetch import Failed, Fetched, Fetcher
from producers.identity import canonical_url, content_hash, host_of
from wirewatch.errors import Rejected
from wirewatch.metrics import Metrics
from wirewatch.records import Article
from wirewatch.settings import Settings

SUMMARY_CHARS_MAX = 800
"""A feed with more text than this has the article itself."""
PAGES_MAX = 20
"""Of one feed at one poll; the articles over it keep what the feed has of them."""
ROBOTS_BYTES_MAX = 512_000
ROBOTS_SECONDS = 86_400.0
_HOSTS_MAX = 5_000
_ACCEPT = "text/html, application/xhtml+xml;q=0.9"


@dataclass(slots=True)
class Pages:
    """Reads pages politely: robots.txt first, kept for a day, and one page of a host at a time with a wait between."""

    fetcher: Fetcher
    settings: Settings
    metrics: Metrics
    threads: Executor
    parse: Parse
    _robots: OrderedDict[str, tuple[float, Protego | None]] = field(default_factory=OrderedDict)

    async def complete(self, items: list[Item]) -> list[Item]:
        """The items, those that have only a summary with the text of their page. A page that fails changes nothing."""
        wanted = [n for n, item in enumerate(items) if wants_page(item.outcome)][:PAGES_MAX]
        whole = list(items)
        for count, n in enumerate(wanted):
            if count:
                await asyncio.sleep(self.settings.page_wait_seconds)
            article = items[n].outcome
            if isinstance(article, Article) and article.url:
                whole[n] = Item(items[n].origin, await self._completed(article, article.url), items[n].original)
        return whole

    async def _completed(self, article: Article, url: str) -> Article:
        if not await self.allowed(url):
            self.metrics.pages.labels("robots").inc()
            return article
        page = await self.fetcher.fetch(url, accept=_ACCEPT)
        if not isinstance(page, Fetched):
            self.metrics.pages.labels(page.reason if isinstance(page, Failed) else "not-modified").inc()
            return article
        try:
            run = asyncio.get_running_loop().run_in_executor
            found = await run(self.threads, lambda: self._text(page))
        except Rejected as rejected:
            self.metrics.pages.labels(rejected.reason).inc()
            return article
        self.metrics.pages.labels("read").inc()
        return merged(article, found.text or "", found.url, self.settings.article_bytes_max)

    def _text(self, page: Fetched) -> RawArticle:
        kind = (page.content_type or "").lower()
        if kind and "html" not in kind:
            raise Rejected("not-html", f"{page.url} is {kind[:100]}")
        bytes_max = self.settings.fetch_bytes_max
        document = Document(
            kind="page", data=page.body, bytes_max=bytes_max, url=page.url, content_type=page.content_type
        )
        [piece] = self.parse(document).items
        if isinstance(piece.raw, Rejected):
            raise piece.raw
        return piece.raw

    async def allowed(self, url: str) -> bool:
        """Whether robots.txt lets us read ``url``. A site whose robots.txt fails with 5xx or not at all forbids all."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        now = asyncio.get_running_loop().time()
        known = self._robots.get(site)
        if known is None or now - known[0] > ROBOTS_SECONDS:
            known = (now, await self._rules(site))
            self._robots[site] = known
            while len(self._robots) > _HOSTS_MAX:
                self._robots.popitem(last=False)
        rules = known[1]
        return rules is not None and rules.can_fetch(url, self.settings.user_agent)

    async def _rules(self, site: str) -> Protego | None:
        answer = await self.fetcher.fetch(f"{site}/robots.txt", accept="text/plain")
        if isinstance(answer, Fetched):
            return Protego.parse(answer.body[:ROBOTS_BYTES_MAX].decode("utf-8", "replace"))
        # RFC 9309: there is none (4xx): all is allowed. It cannot be had: nothing is.
        missing = isinstance(answer, Failed) and answer.reason in ("gone", "http-status") and answer.detail[:1] == "4"
        return Protego.parse("") if missing else None


def wants_page(outcome: Article | Rejected) -> bool:
    """Whether the feed holds no more than a summary of an article that has a page."""
    return isinstance(outcome, Article) and outcome.url is not None and len(outcome.text) <= SUMMARY_CHARS_MAX


def merged(article: Article, text: str, stated: str | None, bytes_max: int) -> Article:
    """The article with the text of its page, where that is longer; ``stated``: the page's own rel=canonical.

    The id stays: it is what the feed linked to, whether or not the page could be read. The address becomes the stated
    one where that is a page of the same site.
    """
    text = clean_text(text)
    url = stated if stated and article.url and _same_site(article.url, stated) else article.url
    if len(text) <= len(article.text):
        return msgspec.structs.replace(article, url=url)
    summary = article.summary or article.text or None
    whole = msgspec.structs.replace(
        article, url=url, text=text, summary=summary, content_hash=content_hash(article.title, summary, text)
    )
    return whole if len(msgspec.json.encode(whole)) <= bytes_max else article


def _same_site(one: str, other: str) -> bool:
    """The stated address must be a page, not the front page, and of the same host."""
    try:
        here, there = canonical_url(one), canonical_url(other)
        return host_of(here) == host_of(there) and urlsplit(there).path not in ("", "/")
    except Rejected:
        return False
