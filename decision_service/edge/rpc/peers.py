"""The addresses of clients, by which calls and failed authentications are counted."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote

from decision_service.edge.addresses import network_of


@lru_cache(maxsize=1024)
def address_of(peer: str) -> str:
    """The network in gRPC's name of a peer (`ipv4:127.0.0.1:4711`, `ipv6:%5B::1%5D:4711`).

    A peer that has none, as on a Unix socket, is its own address.
    """
    kind, _, rest = unquote(peer).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    return network_of(rest.rpartition(":")[0].strip("[]")) or peer
