"""Addresses that nothing of ours connects to, in every spelling that leads back to our own network."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirewatch.egress import refusal

# fmt: off
REFUSED = [
    "0.0.0.0",  # noqa: S104 - not bound to
    "127.0.0.1", "127.255.255.255", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1",
    "ff0e::1", "2001:db8::1", "100::1", "fec0::1",
    # IPv4 addresses in IPv6 clothes.
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:224.0.0.1", "::127.0.0.1",
    "::10.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::",
    "2002:a00:1::1", "2002:808:808::", "2001:0:1::1", "2001::1", "2001:0:7f00:1::80ff:fffe",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::169.254.169.254", "::ffff:100.64.0.1", "ff05::2", "ff01::1",
    "232.0.0.1", "febf::1", "fdff::1", "2001:db8:ffff::1",
]
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1",
    "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8",
]
# fmt: on


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) is None


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="127.0.0.0/8"), st.integers(0, 2**32 - 1))
def test_no_ipv6_spelling_of_a_private_ipv4_address_gets_through(
    private: ipaddress.IPv4Address | ipaddress.IPv6Address, rest: int
) -> None:
    inside = int(private)
    for spelling in (
        (0xFFFF << 32) | inside,
        inside,
        (0x64FF9B << 96) | inside,
        (0x2002 << 112) | (inside << 80) | rest,
        (0x20010000 << 96) | (inside << 64) | rest,
    ):
        assert refusal(ipaddress.IPv6Address(spelling))
