"""Addresses to listen on, and the conditions for those that other machines can reach."""

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


def reach_problem(name: str, address: str, *, encrypted: bool, known_callers: bool) -> str | None:
    """What is wrong with an address that others reach without encryption or as strangers."""
    host, _ = split_address(address)
    if is_loopback(host):
        return None
    if not encrypted:
        return (
            f"{name} {address} is not loopback and the connection is not encrypted: bind "
            "127.0.0.1, set DECISION_TLS_CERT_FILE and DECISION_TLS_KEY_FILE, or set "
            "DECISION_ALLOW_PLAINTEXT=true behind a proxy that adds TLS"
        )
    if not known_callers:
        return (
            f"{name} {address} is not loopback and callers are not known: set "
            "DECISION_AUTH_TOKENS_FILE or DECISION_TLS_CLIENT_CA_FILE"
        )
    return None
