"""Which addresses a feed may be fetched from: public ones only, so that a URL cannot reach into our own network."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from producers.identity import web_address
from wirewatch.egress import refusal
from wirewatch.errors import Rejected

PORTS = frozenset([80, 443, 8080, 8443])
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: the checked addresses of a host, in the resolver's order."""

    host: str
    port: int
    addresses: tuple[str, ...]


def target(url: str, *, allow_private: bool = False) -> Target:
    """Resolve the host of ``url`` once, and check every address it has: connect to these, and do not resolve again.

    Raises Rejected (``bad-url``; ``refused``: the port, or any of the addresses, is not a public one) unless
    ``allow_private``. Raises OSError when the name cannot be resolved; that may pass.
    """
    parts = urlsplit(web_address(url))
    host = parts.hostname or ""
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    if port not in PORTS and not allow_private:
        raise Rejected("refused", f"{url}: port {port} is not one that feeds are served on")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a name that no resolver would take
        raise Rejected("bad-url", f"{url}: {error}") from error
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        why = refusal(ipaddress.ip_address(address))
        if why and not allow_private:
            raise Rejected("refused", f"{url}: {address} is a {why} address")
    return Target(host, port, addresses)
