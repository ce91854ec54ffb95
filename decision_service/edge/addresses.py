"""The networks of clients' addresses, by which what they do is counted."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

_NETWORK_BITS = 64
"""Whoever has one address of such an IPv6 network has all of them."""


def network_of(address: str) -> str:
    """The network that one client has: an IPv4 address, or the first 64 bits of an IPv6 one.

    What is no IP address, as of a Unix socket, is its own network.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _NETWORK_BITS), strict=False))
