"""``GET /v1/sources`` and the page ``/sources``: how every feed is, and since when."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from html import escape

import msgspec
from fastapi import APIRouter, Response

from consumers.api.answers import documented, json
from consumers.api.backend import Backend
from consumers.source_health import HEALTH_ORDER, Source, Sources, sources
from wirewatch.feed_state import FeedKeys, read_listings, read_states, spoken


def router(backend: Backend) -> APIRouter:
    """The endpoint and the page, over this backend."""
    routes = APIRouter(tags=["sources"])

    def read(now: datetime) -> Sources:
        keys = FeedKeys(backend.settings.redis_prefix)
        listings = read_listings(backend.client, keys)
        return sources(listings, read_states(backend.client, keys, [each.url for each in listings]), now)

    @routes.get("/v1/sources", responses=documented(Sources, "Every listed feed, the worst first.", 503))
    def all_sources() -> Response:
        """How every listed feed is: last success, last article, last error, its own rhythm.

        `silent`: it answers, and brings less than its own rhythm; `failing`: three failures in a row or more.
        """
        return json(read(datetime.now(UTC)))

    @routes.get("/sources", include_in_schema=False)
    def page() -> Response:
        now = datetime.now(UTC)
        return Response(
            render(read(now), now), media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY}
        )

    return routes


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #137a3f; --bad: #b3261e; --odd: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --good: #6fd99b; --bad: #ff8f87; --odd: #f0bf6a; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
.ok { color: var(--good); } .failing, .ended { color: var(--bad); } .silent { color: var(--odd); }
small { opacity: .75; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def render(found: Sources, now: datetime) -> str:
    """The page: without scripts, all that came from outside escaped."""
    counts = Counter(each.health for each in found.sources)
    summary = ", ".join(f"{counts[word]} {word}" for word in HEALTH_ORDER if counts[word]) or "none listed"
    rows = "\n".join(_row(each, now) for each in found.sources)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sources – Wirewatch</title><style>{_STYLE}</style></head>
<body><main><h1>Sources</h1><p>{summary}. At {now:%Y-%m-%d %H:%M} UTC. <a href="/v1/sources">As JSON</a></p>
<table><thead><tr><th scope="col">Feed<th scope="col">Health<th scope="col">Last article<th scope="col">Last success
<th scope="col">Rhythm<th scope="col">Next poll<th scope="col">Articles</tr></thead><tbody>
{rows}
</tbody></table></main></body></html>
"""


def _row(source: Source, now: datetime) -> str:
    categories = escape(", ".join(source.categories))
    cells: Iterable[str] = (
        f"{escape(source.title or source.url)}<br><small>{escape(source.url)} {categories}</small>",
        f'<span class="{source.health}">{source.health}</span><br><small>{escape(source.detail)}</small>',
        _ago(source.last_article, now),
        _ago(source.last_success, now),
        f"one in {spoken(timedelta(seconds=source.gap_seconds))}" if source.gap_seconds is not None else "not known",
        f"in {spoken(source.next_poll - now)}" if source.next_poll else "–",
        f"{source.articles:,}",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _ago(when: datetime | None, now: datetime) -> str:
    if when is None:
        return "never"
    return f'<time datetime="{msgspec.to_builtins(when)}">{spoken(now - when)} ago</time>'
