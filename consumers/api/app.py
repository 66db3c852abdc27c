"""One application out of routers: errors in one form, security headers, metrics, the OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.middleware.gzip import GZipMiddleware

from consumers.api import (
    actors,
    alerts,
    counters,
    deliveries,
    failures,
    feeds,
    health,
    me,
    rule_trials,
    rules,
    silences,
    sources,
    stream,
)
from consumers.api.answers import json
from consumers.api.backend import Backend
from consumers.api.gate import Gate
from consumers.api.health import Checks
from consumers.api.http_edge import Edge
from consumers.api.methods import Heads
from consumers.api.page import serving
from consumers.api.schemas import components
from wirewatch import __version__
from wirewatch.metrics import Metrics

PACKED_BYTES_MIN = 2_000


async def _nothing() -> None:
    return None


def reading_routers(backend: Backend) -> tuple[APIRouter, ...]:
    """Everything but health and publishing. Each lets in whom the application's gate lets in; the page, which holds no
    data itself, everybody."""
    each = (
        stream.router,
        alerts.router,
        feeds.router,
        silences.router,
        counters.router,
        sources.router,
        actors.router,
        deliveries.router,
        rules.router,
        rule_trials.router,
    )
    return (*(router(backend) for router in each), me.router(), serving.router())


def create_app(
    metrics: Metrics,
    routers: Iterable[APIRouter],
    checks: Checks,
    gate: Gate,
    at_end: Callable[[], Awaitable[None]] = _nothing,
) -> FastAPI:
    """The application: ``routers``, health over ``checks``, and a root that names what there is.

    ``at_end`` is awaited when the server stops, in its event loop.
    No page that loads anything from elsewhere: the OpenAPI document is at /openapi.json for tools of your own.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await at_end()

    app = FastAPI(
        title="Wirewatch",
        version=__version__,
        summary="Watches the world's news and tells when the actors you watch appear.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.gate = gate
    for router in (*routers, health.router(checks)):
        app.include_router(router)
    failures.register(app)
    app.add_middleware(GZipMiddleware, minimum_size=PACKED_BYTES_MIN)
    app.add_middleware(Edge, metrics=metrics)
    app.add_middleware(Heads)
    app.get("/", include_in_schema=False)(_root(app))
    app.openapi = _documented(app.openapi)  # type: ignore[method-assign]
    return app


def _root(app: FastAPI) -> Callable[[Request], Response]:
    """The live page for browsers, where alerts are served; the list of endpoints for everyone else."""

    def root(request: Request) -> Response:
        paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
        if "/v1/alerts" in paths and serving.wants_page(request.headers.get("accept", "")):
            return serving.shell(request.headers.get("accept-encoding", ""))
        endpoints = {
            f"{method.upper()} {path}": (about.get("description") or about.get("summary", "")).split("\n")[0]
            for path, methods in paths.items()
            for method, about in methods.items()
        }
        names = {"name": "Wirewatch", "version": __version__, "openapi": "/openapi.json", "endpoints": endpoints}
        return json(names, headers={"Vary": "Accept"})

    return root


def _documented(original: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    def openapi() -> dict[str, Any]:
        document = original()
        document.setdefault("components", {}).setdefault("schemas", {}).update(components())
        return document

    return openapi
