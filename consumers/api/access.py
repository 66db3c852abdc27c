"""Who is asking, and what they may do: a token with a role; or, on loopback without tokens, whoever is on this machine.

Without a token nothing but the address tells friend from foe, and a browser on this machine runs the pages of
strangers. So the name in the address must be loopback's (a stranger's name that resolves to 127.0.0.1 is not), what
another page sends is refused, and so is what a proxy passes on: it may come from anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from consumers.api.tokens import ApiToken, Role
from wirewatch.token_entries import find, recognise

LOCAL = "local"
"""Whose doings are those of someone without a token."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_HOW = "send the header Authorization: Bearer TOKEN"
_NOBODY = (
    "there are no API tokens yet: `wirewatch tokens new NAME --role admin` makes one and says how to let it in; "
    "without any, the API answers on loopback alone"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``name`` is kept with what they do."""

    name: str
    role: Role
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Denied:
    """Why someone is not let in: status 401 or 403, a fixed word, a sentence for people."""

    status: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Door:
    """Whom the server lets in. ``loopback``: it listens on loopback alone."""

    tokens: Sequence[ApiToken]
    loopback: bool

    @property
    def anonymous(self) -> bool:
        """Whether whoever is on this machine needs no token."""
        return self.loopback and not self.tokens


def judge(door: Door, method: str, headers: Mapping[str, str], token_in_address: str | None = None) -> Caller | Denied:
    """Who asks, or why they may not. ``headers`` by lower-case name. ``token_in_address`` is for feed readers, which
    cannot send headers; one that may change something has no place in an address."""
    if door.anonymous:
        return _stranger(method, headers) or Caller(LOCAL, "admin", anonymous=True)
    if not door.tokens:
        return Denied(401, "no-tokens", _NOBODY)
    if token_in_address is not None:
        found = recognise(door.tokens, token_in_address)
        if found and found.role != "read":
            return Denied(403, "role", "in an address only a token with the role read is taken: addresses get around")
    else:
        found = find(door.tokens, headers.get("authorization"))
    if found:
        return Caller(found.name, found.role)
    given = token_in_address is not None or "authorization" in headers
    return Denied(401, "wrong-token" if given else "no-token", f"this token is not known: {_HOW}" if given else _HOW)


def permit(caller: Caller, needs: Role) -> Denied | None:
    """Why the caller may not do what needs this role; None when they may."""
    if needs == "admin" and caller.role != "admin":
        detail = f"this needs a token with the role admin; that of {caller.name} has the role {caller.role}"
        return Denied(403, "role", detail)
    return None


def _stranger(method: str, headers: Mapping[str, str]) -> Denied | None:
    host = headers.get("host", "")
    if not is_loopback(_name(host)):
        detail = "without API tokens the address must be http://127.0.0.1 or http://localhost, with the port"
        return Denied(403, "host", detail)
    if any(name in headers for name in _PASSED_ON):
        return Denied(403, "proxy", "what a proxy passes on needs API tokens: `wirewatch tokens new NAME --role admin`")
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    foreign = (origin is not None and origin != f"http://{host}") or site not in ("none", "same-origin")
    # Someone may follow a link to us from any page; nothing else is done from there.
    followed = method in SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate"
    if foreign and not followed:
        return Denied(403, "cross-site", "a page of another site asked for this, which needs API tokens")
    return None


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine and nothing else."""
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
