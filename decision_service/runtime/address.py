"""Addresses of servers, as settings and commands give them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_FORM = "127.0.0.1:50051"
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


def split_address(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as a pair; raises ValueError on anything else."""
    scheme, slashes, rest = address.partition("://")
    if slashes:
        place = rest.partition("/")[0] or _FORM
        raise ValueError(f"{address!r} begins with {scheme}://: leave it out, as in {place}")
    host, colon, port = address.rpartition(":")
    if not colon or not host or not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError(f"{address!r} is not an address of the form {_FORM}")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_protected(url: str) -> bool:
    """Whether a URL is one of https, or of http on this machine, without user and query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # Reading it is the check: a port that is no number raises here.
        _ = parts.port
    except ValueError:
        return False
    plain = parts.scheme == "http" and is_loopback(host)
    extra = parts.username is not None or parts.query or parts.fragment
    return bool(host) and not extra and (plain or parts.scheme == "https")
