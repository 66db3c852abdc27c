"""Which addresses a feed may be fetched from: public ones only, so that a URL cannot reach into our own network."""

from __future__ import annotations

from urllib.parse import urlsplit

from producers.identity import web_address
from wirewatch.egress import Target, resolve
from wirewatch.errors import Rejected

PORTS = frozenset([80, 443, 8080, 8443])
_DEFAULT_PORTS = {"http": 80, "https": 443}


def target(url: str, *, allow_private: bool = False) -> Target:
    """Resolve the host of ``url`` once, and check every address it has: connect to these, and do not resolve again.

    Raises Rejected (``bad-url``; ``refused``: the port, or any of the addresses, is not a public one) unless
    ``allow_private``. Raises OSError when the name cannot be resolved; that may pass.
    """
    parts = urlsplit(web_address(url))
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    try:
        return resolve(parts.hostname or "", port, ports=PORTS, allow_private=allow_private)
    except Rejected as rejected:
        raise Rejected(rejected.reason, f"{url}: {rejected.detail}") from rejected
