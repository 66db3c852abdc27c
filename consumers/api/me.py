"""``GET /v1/me``: who is asking, so that a page knows what it may offer."""

from __future__ import annotations

from fastapi import APIRouter, Response

from consumers.api.answers import Me, json
from consumers.api.gate import Reader
from consumers.api.schemas import documented


def router() -> APIRouter:
    """The endpoint."""
    routes = APIRouter(tags=["access"])

    @routes.get("/v1/me", responses=documented(Me, "Name and role."))
    async def get_me(caller: Reader) -> Response:
        """Who the server takes you for, and what you may do."""
        return json(Me(name=caller.name, role=caller.role, anonymous=caller.anonymous))

    return routes
