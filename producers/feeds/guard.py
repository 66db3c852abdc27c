"""Which addresses a feed may be fetched from: public ones only, so that a URL cannot reach into our own network."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from producers.identity import web_address
from wirewatch.errors import Rejected

PORTS = frozenset([80, 443, 8080, 8443])
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Ranges that Python calls global though they lead back to IPv4 addresses of the sender's choice, or are for many.
_TUNNELS = {
    "NAT64": ("64:ff9b::/96", "64:ff9b:1::/48"),
    "6to4": ("2002::/16", "192.88.99.0/24"),
    "Teredo": ("2001::/32",),
    "IPv4-compatible": ("::/96",),
    "IPv4-translated": ("::ffff:0:0:0/96",),
    "site-local": ("fec0::/10",),
}
_NETWORKS = [(name, ipaddress.ip_network(network)) for name, networks in _TUNNELS.items() for network in networks]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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


def refusal(address: Address) -> str | None:
    """The kind of address that we do not connect to, or None for a public one."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return refusal(address.ipv4_mapped)
    for kind in ("loopback", "unspecified", "multicast", "link_local", "private", "reserved"):
        if getattr(address, f"is_{kind}"):
            return kind.replace("_", "-")
    for kind, network in _NETWORKS:
        if address in network:
            return kind
    return None if address.is_global else "non-public"
