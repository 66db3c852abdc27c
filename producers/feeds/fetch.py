"""One polite, bounded fetch of a feed over HTTP."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode, urljoin

from producers.feeds.guard import target
from wirewatch.egress import Target
from wirewatch.errors import Rejected
from wirewatch.http_client import FAILURES, Response, connect, explained, open_client
from wirewatch.settings import Settings

REDIRECTS_MAX = 3
LINKS_CHARS_MAX = 8_000
_PERMANENT = frozenset([301, 308])
_REDIRECTS = _PERMANENT | {302, 303, 307}
_SAME_METHOD = frozenset([307, 308])
_RESOLVERS = 64
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Conditional:
    """What the server last said about its document, to be sent back to the letter."""

    etag: str | None = None
    last_modified: str | None = None


_NOTHING = Conditional()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document. ``url`` is where it was in the end; ``moved``: the new address, where all redirects are permanent."""

    url: str
    body: bytes
    content_type: str | None
    state: Conditional
    moved: str | None = None
    max_age: float | None = None
    """Seconds for which the server calls it fresh (Cache-Control)."""
    links: str = ""
    """The Link headers as they came, cut to ``LINKS_CHARS_MAX``."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The server took a form: any status of success."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The document has not changed since ``state`` was made."""

    state: Conditional
    max_age: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """No document. ``reason`` is a fixed word; ``retry_after`` is the server's header as it came."""

    reason: str
    detail: str
    retry_after: str | None = None


Outcome = Fetched | NotModified | Failed
_Result = TypeVar("_Result")


class Fetcher:
    """Fetches over connections of its own, one per request; use as an asynchronous context manager.

    Connections are not kept: they are made to addresses, and one that was verified for a host must not serve another
    host at the same address. ``allow_private`` is for feeds of one's own network.
    """

    def __init__(self, settings: Settings, *, allow_private: bool = False) -> None:
        self._settings = settings
        self._allow_private = allow_private
        # A slow name server holds a thread for seconds; the loop's own few threads are for parsing.
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")
        self._client = open_client(settings.fetch_seconds_max)

    async def __aenter__(self) -> Fetcher:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what ``async with`` would. Repeating is safe."""
        await self._client.aclose()
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def fetch(self, url: str, state: Conditional = _NOTHING, *, accept: str = _ACCEPT) -> Outcome:
        """Fetch ``url``, following at most three redirects, each address of each hop checked before it is connected to.

        Never raises for what a server or the network does. Bounded by ``fetch_seconds_max`` and ``fetch_bytes_max``
        (after decompression). Repeating is safe.
        """
        return await self._bounded(self._follow(url, state, accept))

    async def post(self, url: str, form: Mapping[str, str]) -> Posted | Failed:
        """Send a form to ``url``, to checked addresses only; a redirect is followed where it keeps the method.

        Never raises for what a server or the network does. The answer's body is not read.
        """
        return await self._bounded(self._send(url, urlencode(form).encode()))

    async def _bounded(self, work: Awaitable[_Result]) -> _Result | Failed:
        seconds_max = self._settings.fetch_seconds_max
        try:
            async with asyncio.timeout(seconds_max):
                return await work
        except Rejected as rejected:
            return Failed(rejected.reason, rejected.detail)
        except FAILURES as error:
            return Failed(*explained(error, seconds_max))

    async def _send(self, url: str, form: bytes) -> Posted | Failed:
        headers = {"User-Agent": self._settings.user_agent, "Content-Type": "application/x-www-form-urlencoded"}
        for _ in range(REDIRECTS_MAX + 1):
            response = await connect(self._client, url, await self._target(url), headers, form)
            await response.aclose()
            if response.status_code in _SAME_METHOD and "location" in response.headers:
                url = _joined(url, response.headers["location"])
            elif response.is_success:
                return Posted()
            else:
                status = f"{response.status_code} {response.reason_phrase}"
                return Failed("http-status", status, response.headers.get("retry-after"))
        return Failed("redirects", f"more than {REDIRECTS_MAX} redirects, the last one to {url}")

    async def _follow(self, url: str, state: Conditional, accept: str) -> Outcome:
        permanent = True
        start = url
        for _ in range(REDIRECTS_MAX + 1):
            headers = _headers(state, self._settings, accept)
            response = await connect(self._client, url, await self._target(url), headers)
            try:
                if response.status_code not in _REDIRECTS or "location" not in response.headers:
                    moved = url if permanent and url != start else None
                    return await _answer(response, url, moved, state, self._settings)
                permanent = permanent and response.status_code in _PERMANENT
                url = _joined(url, response.headers["location"])
            finally:
                await response.aclose()
        return Failed("redirects", f"more than {REDIRECTS_MAX} redirects, the last one to {url}")

    async def _target(self, url: str) -> Target:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._resolvers, lambda: target(url, allow_private=self._allow_private))


def fetch(url: str, state: Conditional, settings: Settings, *, allow_private: bool = False) -> Outcome:
    """One fetch, for callers without an event loop; see ``Fetcher.fetch``."""

    async def once() -> Outcome:
        async with Fetcher(settings, allow_private=allow_private) as fetcher:
            return await fetcher.fetch(url, state)

    return asyncio.run(once())


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise Rejected("bad-url", f"redirect to {location[:200]!r}: {error}") from error


def _headers(state: Conditional, settings: Settings, accept: str) -> dict[str, str]:
    headers = {"User-Agent": settings.user_agent, "Accept": accept, "Accept-Encoding": "gzip"}
    if state.etag:
        headers["If-None-Match"] = state.etag
    if state.last_modified:
        headers["If-Modified-Since"] = state.last_modified
    return headers


async def _answer(response: Response, url: str, moved: str | None, state: Conditional, settings: Settings) -> Outcome:
    status = response.status_code
    max_age = max_age_seconds(response.headers.get("cache-control"))
    if status == 304:
        return NotModified(state, max_age)
    if status != 200:
        reason = {410: "gone", 429: "rate-limited", 503: "unavailable"}.get(status, "http-status")
        return Failed(reason, f"{status} {response.reason_phrase}", response.headers.get("retry-after"))
    body = await _body(response, settings)
    return Fetched(
        url=url,
        body=body,
        content_type=response.headers.get("content-type"),
        state=Conditional(response.headers.get("etag"), response.headers.get("last-modified")),
        moved=moved,
        max_age=max_age,
        links=", ".join(response.headers.get_list("link"))[:LINKS_CHARS_MAX],
    )


def max_age_seconds(cache_control: str | None) -> float | None:
    """The seconds of ``max-age``; None where there is none, or where the answer is not to be kept."""
    text = (cache_control or "").lower()
    if "no-store" in text or "no-cache" in text:
        return None
    match = _MAX_AGE.search(text)
    return float(match[1]) if match else None


async def _body(response: Response, settings: Settings) -> bytes:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise Rejected("encoding", f"the server sent Content-Encoding {encoding!r}, which was not asked for")
    chunks = response.aiter_raw()
    bytes_max = settings.fetch_bytes_max
    body = bytearray()
    async for chunk in _gunzipped(chunks, bytes_max) if "gzip" in encoding else chunks:
        body += chunk
        if len(body) > bytes_max:
            raise Rejected("too-large", f"more than {bytes_max:,} bytes")
    return bytes(body)


async def _gunzipped(chunks: AsyncIterator[bytes], bytes_max: int) -> AsyncIterator[bytes]:
    """Decompress without ever holding more than ``bytes_max`` + 1 new bytes: a small body can hold gigabytes."""
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        async for chunk in chunks:
            yield unzip.decompress(chunk, bytes_max + 1)
    except zlib.error as error:
        raise Rejected("encoding", f"broken gzip: {error}") from error
    if not unzip.eof:
        raise Rejected("encoding", "the gzip body ends too early")
