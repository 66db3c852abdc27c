"""``/healthz``: this process lives. ``/readyz``: what it needs answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Response

from consumers.api.answers import Readiness, documented, json
from wirewatch.errors import Transient, UserError

Checks = Mapping[str, Callable[[], object]]
"""What readiness depends on, by name: returns when its server answers, raises Transient or UserError when not."""


def router(checks: Checks) -> APIRouter:
    """The endpoints; readiness asks every check."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        """This process lives. It depends on nothing else: restart the process when it does not answer."""
        return {"status": "alive"}

    @routes.get("/readyz", responses=documented(Readiness, "All that is needed answers.", 503))
    def readyz() -> Response:
        """Redis and the broker answer; else 503 with the reason per part."""
        parts = {name: _asked(check) for name, check in checks.items()}
        ready = all(said == "ok" for said in parts.values())
        return json(Readiness(ready=ready, parts=parts), 200 if ready else 503)

    return routes


def _asked(check: Callable[[], object]) -> str:
    try:
        check()
    except (Transient, UserError) as error:
        return str(error)
    return "ok"
