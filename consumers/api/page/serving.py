"""Serves the live page: ``/`` for browsers, and its assets under ``/assets/``.

The assets are read once, at the start. Their address holds a digest of all of them, so a browser keeps them for good
and a new version of Wirewatch is seen at once; nothing is built for it. The page may load from here alone, runs no
script or style of its own text, and makes no markup out of strings.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Header, HTTPException, Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOLDER = Path(__file__).with_name("assets")
_SHELL = "index.html"
_PLACE = b"/assets/"
_WEEKS = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent: its type, its bytes, and the same packed."""

    media_type: str
    plain: bytes
    packed: bytes


@dataclass(frozen=True, slots=True)
class Assets:
    """All files of the page; ``version`` changes whenever one of them does."""

    version: str
    files: dict[str, Asset]


@cache
def assets() -> Assets:
    """The files beside this one, read once."""
    contents = {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}
    digest = hashlib.sha256(b"\0".join(each for pair in contents.items() for each in (pair[0].encode(), pair[1])))
    version = digest.hexdigest()[:12]
    contents[_SHELL] = contents[_SHELL].replace(_PLACE, _PLACE + version.encode() + b"/")
    return Assets(version, {name: _asset(name, content) for name, content in contents.items()})


def _asset(name: str, content: bytes) -> Asset:
    return Asset(_TYPES[Path(name).suffix], content, gzip.compress(content, 9, mtime=0))


def wants_page(accept: str) -> bool:
    """Whether this ``Accept`` header is a browser's that opens an address: it names HTML; scripts and tools do not."""
    return "text/html" in accept


def shell(accept_encoding: str = "") -> Response:
    """The page itself. It holds no data: those it fetches, with a token where one is needed."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "Vary": "Accept, Accept-Encoding"}
    return _sent(assets().files[_SHELL], accept_encoding, headers)


def router() -> APIRouter:
    """The assets, by version and name."""
    routes = APIRouter(include_in_schema=False)
    found = assets()

    @routes.get("/assets/{version}/{name}")
    async def asset(version: str, name: str, accept_encoding: str = Header("")) -> Response:
        if version != found.version or name not in found.files or name == _SHELL:
            raise HTTPException(404, "there is no such asset; load the page again")
        return _sent(found.files[name], accept_encoding, {"Cache-Control": _WEEKS, "Vary": "Accept-Encoding"})

    return routes


def _sent(asset: Asset, accept_encoding: str, headers: dict[str, str]) -> Response:
    if "gzip" in accept_encoding and len(asset.packed) < len(asset.plain):
        return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.plain, headers=headers, media_type=asset.media_type)
