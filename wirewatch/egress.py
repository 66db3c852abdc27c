"""Which addresses our processes may connect to on a URL's word: public ones only. Pure: nothing is resolved here."""

from __future__ import annotations

import ipaddress

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
