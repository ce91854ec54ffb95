"""Addresses of servers, as settings and commands give them."""

from __future__ import annotations

import re
from ipaddress import ip_address

_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


def split_address(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as a pair; raises ValueError on anything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError(f"{address!r} is not an address of the form 127.0.0.1:50051")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
