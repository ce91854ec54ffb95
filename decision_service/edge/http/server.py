"""Serving the HTTP edge, encrypted by the gRPC edge's certificate where there is one."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from decision_service.asgi import listen, serving
from decision_service.config import PREFIX, split_address
from decision_service.edge.http.bounds import BoundedRequests
from decision_service.edge.http.connections import HttpConnections, bounded_by
from decision_service.edge.tls import AddressInUse, Certificates

HSTS = {"strict-transport-security": "max-age=31536000"}
"""Browsers that were here once over TLS ask for nothing unencrypted, for a year."""


@asynccontextmanager
async def serve_http(
    setting: str,
    address: str,
    app: ASGIApp,
    connections: HttpConnections,
    certificates: Certificates | None = None,
) -> AsyncIterator[str]:
    """Serve at a setting's address while the context is open and yield the base URL.

    Raises AddressInUse.
    """
    listener = _listen(setting, address)
    tls = None if certificates is None else _context(certificates)
    scheme = "http" if tls is None else "https"
    host, _ = split_address(address)
    shown = f"[{host}]" if ":" in host else host
    async with serving(
        BoundedRequests(app),
        listener,
        tls=tls,
        http=bounded_by(connections),
        headers=None if tls is None else HSTS,
    ):
        yield f"{scheme}://{shown}:{listener.getsockname()[1]}"


def _listen(setting: str, address: str) -> socket.socket:
    try:
        return listen(*split_address(address))
    except OSError as error:
        raise AddressInUse(
            f"{address} cannot be bound ({error.strerror}): stop the program that uses it or set "
            f"{PREFIX}{setting} to another address"
        ) from None


def _context(certificates: Certificates) -> ssl.SSLContext:
    """A context that follows replaced certificate files."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificates.load_into(context)
    return context
