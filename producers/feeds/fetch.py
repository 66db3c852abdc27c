"""One polite, bounded fetch of a feed over HTTP. The only module that imports httpx."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from producers.feeds.guard import target
from wirewatch.egress import Target
from wirewatch.errors import Rejected
from wirewatch.settings import Settings

REDIRECTS_MAX = 3
_PERMANENT = frozenset([301, 308])
_REDIRECTS = _PERMANENT | {302, 303, 307}
_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Conditional:
    """What the server last said about its document, to be sent back to the letter."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document. ``url`` is where it was in the end; ``moved``: the new address, where all redirects are permanent."""

    url: str
    body: bytes
    content_type: str | None
    state: Conditional
    moved: str | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The document has not changed since ``state`` was made."""

    state: Conditional


@dataclass(frozen=True, slots=True)
class Failed:
    """No document. ``reason`` is a fixed word; ``retry_after`` is the server's header as it came."""

    reason: str
    detail: str
    retry_after: str | None = None


Outcome = Fetched | NotModified | Failed


def fetch(url: str, state: Conditional, settings: Settings, *, allow_private: bool = False) -> Outcome:
    """Fetch ``url``, following at most three redirects, each address of each hop checked before it is connected to.

    Never raises for what a server or the network does. Bounded by ``fetch_seconds_max`` and ``fetch_bytes_max`` (after
    decompression). Repeating is safe.
    """
    deadline = time.monotonic() + settings.fetch_seconds_max
    # trust_env: a proxy from the environment would resolve the name again, past our check.
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=settings.fetch_seconds_max) as client:
        try:
            return _follow(client, url, state, settings, deadline, allow_private)
        except Rejected as rejected:
            return Failed(rejected.reason, rejected.detail)
        except httpx.TimeoutException as error:
            return Failed("timeout", f"{type(error).__name__} within {settings.fetch_seconds_max:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Failed("connection", f"{type(error).__name__}: {error}")


def _follow(
    client: httpx.Client, url: str, state: Conditional, settings: Settings, deadline: float, allow_private: bool
) -> Outcome:
    permanent = True
    start = url
    for _ in range(REDIRECTS_MAX + 1):
        response = connect(client, url, target(url, allow_private=allow_private), _headers(state, settings))
        try:
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                moved = url if permanent and url != start else None
                return _answer(response, url, moved, state, settings, deadline)
            permanent = permanent and response.status_code in _PERMANENT
            url = _joined(url, response.headers["location"])
        finally:
            response.close()
        _check_time(deadline, settings)
    return Failed("redirects", f"more than {REDIRECTS_MAX} redirects, the last one to {url}")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise Rejected("bad-url", f"redirect to {location[:200]!r}: {error}") from error


def connect(client: httpx.Client, url: str, place: Target, headers: dict[str, str]) -> httpx.Response:
    """Send the request to the checked addresses of ``place``, in turn until one answers; the body is still unread.

    The name in ``url`` goes into the Host header and the TLS handshake only: it is not resolved again, and the
    certificate must be for it. Raises httpx.HTTPError.
    """
    asked = httpx.URL(url)
    name = asked.raw_host.decode("ascii")
    last: httpx.ConnectError | None = None
    for address in place.addresses:
        request = client.build_request(
            "GET",
            asked.copy_with(host=address, username=None, password=None),
            headers=headers | {"Host": asked.netloc.decode("ascii")},
            extensions={"sni_hostname": name},
        )
        try:
            return client.send(request, stream=True)
        except httpx.ConnectError as error:
            last = error
    raise last or httpx.ConnectError(f"{name} has no address")


def _headers(state: Conditional, settings: Settings) -> dict[str, str]:
    headers = {"User-Agent": settings.user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip"}
    if state.etag:
        headers["If-None-Match"] = state.etag
    if state.last_modified:
        headers["If-Modified-Since"] = state.last_modified
    return headers


def _answer(
    response: httpx.Response, url: str, moved: str | None, state: Conditional, settings: Settings, deadline: float
) -> Outcome:
    status = response.status_code
    if status == 304:
        return NotModified(state)
    if status != 200:
        reason = {410: "gone", 429: "rate-limited", 503: "unavailable"}.get(status, "http-status")
        return Failed(reason, f"{status} {response.reason_phrase}", response.headers.get("retry-after"))
    body = _body(response, settings, deadline)
    return Fetched(
        url=url,
        body=body,
        content_type=response.headers.get("content-type"),
        state=Conditional(response.headers.get("etag"), response.headers.get("last-modified")),
        moved=moved,
    )


def _body(response: httpx.Response, settings: Settings, deadline: float) -> bytes:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise Rejected("encoding", f"the server sent Content-Encoding {encoding!r}, which was not asked for")
    chunks = _timely(response.iter_raw(), deadline, settings)
    bytes_max = settings.fetch_bytes_max
    body = bytearray()
    for chunk in _gunzipped(chunks, bytes_max) if "gzip" in encoding else chunks:
        body += chunk
        if len(body) > bytes_max:
            raise Rejected("too-large", f"more than {bytes_max:,} bytes")
    return bytes(body)


def _gunzipped(chunks: Iterator[bytes], bytes_max: int) -> Iterator[bytes]:
    """Decompress without ever holding more than ``bytes_max`` + 1 new bytes: a small body can hold gigabytes."""
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        for chunk in chunks:
            yield unzip.decompress(chunk, bytes_max + 1)
    except zlib.error as error:
        raise Rejected("encoding", f"broken gzip: {error}") from error
    if not unzip.eof:
        raise Rejected("encoding", "the gzip body ends too early")


def _timely(chunks: Iterator[bytes], deadline: float, settings: Settings) -> Iterator[bytes]:
    for chunk in chunks:
        _check_time(deadline, settings)
        yield chunk


def _check_time(deadline: float, settings: Settings) -> None:
    if time.monotonic() > deadline:
        raise Rejected("timeout", f"not complete within {settings.fetch_seconds_max:g} s")
