"""The addresses of clients, by which calls and failed authentications are counted."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import unquote

_IPV6_PREFIX = 64
"""Whoever has one address of such a network has all of them."""


@lru_cache(maxsize=1024)
def address_of(peer: str) -> str:
    """The IP address in gRPC's name of a peer (`ipv4:127.0.0.1:4711`), an IPv6 one by its /64.

    A peer that has none, as on a Unix socket, is its own address.
    """
    kind, _, rest = unquote(peer).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    try:
        found = ip_address(rest.rpartition(":")[0].strip("[]"))
    except ValueError:
        return peer
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _IPV6_PREFIX), strict=False))
    return str(found)
