"""What every answer gets: security headers, and a place in the metrics."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumers.api.gate import rate_headers
from wirewatch.metrics import Metrics

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
UNMATCHED = "none"


class Edge:
    """ASGI middleware. Durations are those to the first byte, so that a stream is not slow for being long."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                for name, value in rate_headers(scope).items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                self._observe(scope, message["status"], time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, observed)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        # The template, never the path: what clients make up must not become label values.
        route = getattr(scope.get("route"), "path", None) or UNMATCHED
        self._metrics.http_requests.labels(route, str(status)).inc()
        self._metrics.http_duration.labels(route).observe(seconds)
