"""HEAD and OPTIONS, which no endpoint has of its own."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NEVER_ENDING = "/v1/alerts/stream"


def allowed(app: FastAPI, path: str) -> str:
    """The methods of this path, as the header Allow has them."""
    paths = {"/": {"get": {}}, **app.openapi()["paths"]}
    # A path written out goes before a template that fits it too, as when routes are looked up.
    templates = [path] if path in paths else [each for each in paths if compile_path(each)[0].fullmatch(path)]
    found = {method.upper() for each in templates for method in paths[each]} | {"OPTIONS"}
    if "GET" in found and path != _NEVER_ENDING:
        found.add("HEAD")
    return ", ".join(sorted(found))


class Heads:
    """ASGI middleware: answers HEAD as GET is answered, without the body. The stream, which has no end, has no HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] == _NEVER_ENDING:
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, without_body)
