"""One application out of routers: errors in one form, security headers, metrics, the OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from consumers.api import alerts, counters, health, sources, stream
from consumers.api.answers import COMPONENTS, Problem, Refusal, json
from consumers.api.backend import Backend
from consumers.api.health import Checks
from consumers.api.http_edge import Edge
from consumers.api.page import serving
from wirewatch import __version__
from wirewatch.errors import Transient
from wirewatch.metrics import Metrics

RETRY_SECONDS = 5


async def _nothing() -> None:
    return None


def reading_routers(backend: Backend) -> tuple[APIRouter, ...]:
    """Alerts, their stream, counters, sources, and the assets of the live page."""
    return (
        alerts.router(backend),
        stream.router(backend),
        counters.router(backend),
        sources.router(backend),
        serving.router(),
    )


def create_app(
    metrics: Metrics, routers: Iterable[APIRouter], checks: Checks, at_end: Callable[[], Awaitable[None]] = _nothing
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
    )
    for router in (*routers, health.router(checks)):
        app.include_router(router)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Transient, _away)
    app.add_middleware(Edge, metrics=metrics)
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


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (for the type checker: registered for it alone)
    problems = tuple(
        Problem(where=".".join(str(part) for part in each["loc"]), what=each["msg"].removeprefix("Value error, "))
        for each in error.errors()
    )
    detail = "; ".join(f"{problem.where}: {problem.what}" for problem in problems)
    return json(Refusal(reason="invalid", detail=detail, problems=problems), 422)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (for the type checker: registered for it alone)
    reason = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    refusal = Refusal(reason=reason, detail=f"{error.detail}; / names the endpoints")
    return json(refusal, error.status_code, dict(error.headers or {}))


def _away(_: Request, error: Exception) -> Response:
    return json(Refusal(reason="unavailable", detail=str(error)), 503, {"Retry-After": str(RETRY_SECONDS)})


def _documented(original: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    def openapi() -> dict[str, Any]:
        document = original()
        document.setdefault("components", {}).setdefault("schemas", {}).update(COMPONENTS)
        return document

    return openapi
