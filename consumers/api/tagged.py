"""Answers that a client may ask for again only if they changed: ETag and If-None-Match."""

from __future__ import annotations

import hashlib
import re

from fastapi import Request, Response

from consumers.api.answers import encoded

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
# May be kept, and is asked about each time; whoever else uses the same cache has another token.
_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def tagged(request: Request, record: object) -> Response:
    """The record as JSON with an ETag, or 304 without it where the client has just that."""
    return tagged_bytes(request, encoded(record), "application/json")


def tagged_bytes(request: Request, content: bytes, media_type: str) -> Response:
    """The same for content of another kind.

    The tag is weak: what is sent may be packed. It saves the line and the client's work, not ours.
    """
    digest = hashlib.sha256(content).hexdigest()[:32]
    headers = {"ETag": f'W/"{digest}"', **_KEPT}
    if _has(request.headers.getlist("if-none-match"), digest):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _has(given: list[str], digest: str) -> bool:
    joined = ",".join(given)
    return joined.strip() == "*" or digest in _TAG.findall(joined)
