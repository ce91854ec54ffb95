"""The addresses of clients, by which calls and failed authentications are counted."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

_NETWORK_BITS = 64
"""Whoever has one address of such an IPv6 network has all of them."""


@lru_cache(maxsize=1024)
def address_of(peer: str) -> str:
    """The network in gRPC's name of a peer (`ipv4:127.0.0.1:4711`, `ipv6:%5B::1%5D:4711`).

    A peer that has none, as on a Unix socket, is its own address.
    """
    kind, _, rest = unquote(peer).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    return _network_of(rest.rpartition(":")[0].strip("[]")) or peer


def _network_of(address: str) -> str:
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
