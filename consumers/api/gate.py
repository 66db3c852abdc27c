"""Lets requests in: endpoints declare ``Reader`` or ``Admin``, and get who is asking, or the request ends here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.types import Scope

from consumers.api.access import Caller, Denied, Door, judge, permit
from consumers.api.answers import RefusedError
from wirewatch.rate_limit import WINDOW_SECONDS, RateLimit

_BEARER = HTTPBearer(auto_error=False, description="A token of `wirewatch tokens new NAME --role read` (or `admin`).")
_TAKEN = "rate"


@dataclass(frozen=True, slots=True)
class Gate:
    """``rate``: None for no limit."""

    door: Door
    rate: RateLimit | None

    def let_in(self, request: Request, token_in_address: str | None = None) -> Caller:
        """Who asks. Raises RefusedError with 401, 403 or 429."""
        found = judge(self.door, request.method, request.headers, token_in_address)
        known = isinstance(found, Caller) and not found.anonymous
        # Those without a token share the limit of their address: so do guesses at tokens.
        self._count(request, f"token {found.name}" if known and isinstance(found, Caller) else f"from {_peer(request)}")
        if isinstance(found, Denied):
            raise _refused(found)
        return found

    def _count(self, request: Request, client: str) -> None:
        if self.rate is None:
            return
        taken = self.rate.take(client)
        headers = {
            "RateLimit-Policy": f'"minute";q={self.rate.per_minute};w={WINDOW_SECONDS}',
            "RateLimit": f'"minute";r={taken.remaining};t={taken.reset}',
        }
        setattr(request.state, _TAKEN, headers)
        if taken.wait is not None:
            detail = f"more than {self.rate.per_minute:,} requests in a minute"
            raise RefusedError(429, "too-many-requests", detail, headers={"Retry-After": str(taken.wait)})


def rate_headers(scope: Scope) -> dict[str, str]:
    """What the answer to this request says about the rate limit; empty where none was counted."""
    state: dict[str, Any] = scope.get("state") or {}
    headers: dict[str, str] = state.get(_TAKEN, {})
    return headers


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


async def _reader(request: Request, _: Annotated[object, Security(_BEARER)]) -> Caller:
    return _gate(request).let_in(request)


async def _admin(caller: Annotated[Caller, Depends(_reader)]) -> Caller:
    if denied := permit(caller, "admin"):
        raise _refused(denied)
    return caller


async def _subscriber(request: Request, _: Annotated[object, Security(_BEARER)]) -> Caller:
    return _gate(request).let_in(request, request.query_params.get("token"))


Reader = Annotated[Caller, Depends(_reader)]
"""Whoever may read."""
Admin = Annotated[Caller, Depends(_admin)]
"""Whoever may change something; their name is kept with it."""
READS = Depends(_reader)
"""For routers of which every endpoint reads."""
SUBSCRIBES = Depends(_subscriber)
"""For feeds alone: a token in the address is taken too."""


def _refused(denied: Denied) -> RefusedError:
    headers = {"WWW-Authenticate": 'Bearer realm="wirewatch"'} if denied.status == 401 else {}
    return RefusedError(denied.status, denied.reason, denied.detail, headers=headers)


def _peer(request: Request) -> str:
    return request.client.host if request.client else "unknown"
