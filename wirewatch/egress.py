"""Where we may connect to when a stranger chose the address: public addresses only, never into our own network.

For feeds and for webhooks. What is checked is what is connected to: resolve once, connect to one of the
returned addresses, do not resolve again.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from wirewatch.errors import Rejected

WEBHOOK_PORTS = frozenset([80, 443])

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


def resolve(host: str, port: int, *, ports: Collection[int], allow_private: bool = False) -> Target:
    """Resolve ``host`` once, and check the port and every address it has.

    Raises Rejected (``refused``: a port that is not among ``ports``, or an address that is not a public one, unless
    ``allow_private``; ``bad-url``: a name that no resolver takes). Raises OSError when the name cannot be resolved;
    that may pass.
    """
    if port not in ports and not allow_private:
        raise Rejected("refused", f"port {port} is not one that we connect to")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise Rejected("bad-url", f"{host[:200]!r}: {error}") from error
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        check(addresses)
    return Target(host, port, addresses)


def check(addresses: Iterable[str]) -> None:
    """Raises Rejected (``refused``) when any of them is not public: the resolver, not we, chooses which comes first."""
    for address in addresses:
        if why := refusal(ipaddress.ip_address(address)):
            raise Rejected("refused", f"{address} is a {why} address")


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
