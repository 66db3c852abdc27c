"""``GET /v1/actors``: who is watched."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from consumers.api.answers import Actors, WatchedActor
from consumers.api.backend import Backend
from consumers.api.gate import READS
from consumers.api.schemas import documented
from consumers.api.tagged import tagged


def router(backend: Backend) -> APIRouter:
    """The endpoint, over this backend."""
    routes = APIRouter(tags=["actors"], dependencies=[READS])
    watchlist = backend.watchlist
    answer = Actors(
        version=watchlist.version,
        actors=tuple(
            WatchedActor(id=actor.id, name=actor.name, kind=actor.kind, wikidata=actor.wikidata)
            for actor in watchlist.actors
        ),
    )

    @routes.get("/v1/actors", responses=documented(Actors, "Every actor of the watchlist.", tagged=True))
    def list_actors(request: Request) -> Response:
        """Who is watched, as of the start of this server."""
        return tagged(request, answer)

    return routes
