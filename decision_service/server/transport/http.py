"""The HTTP edge: routes for health, metrics and whatever else it is given."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from decision_service.runtime.address import split_address
from decision_service.runtime.settings import PREFIX
from decision_service.runtime.tasks import listen, serving
from decision_service.server.transport.metrics import Metrics
from decision_service.server.transport.tls import AddressInUse, Certificates

HSTS = {"strict-transport-security": "max-age=31536000"}
"""Browsers that were here once over TLS ask for nothing unencrypted, for a year."""


def build_app(routes: Iterable[BaseRoute]) -> Starlette:
    app = Starlette(routes=[*routes])
    app.router.redirect_slashes = False  # the redirect would repeat a Host that a client made up
    return app


def admin_routes(
    metrics: Metrics,
    reasons: Callable[[], Sequence[str]],
    remarks: Callable[[], Iterable[str]] = tuple,
) -> list[BaseRoute]:
    """`/healthz`, `/livez` and `/metrics`, which platforms ask for.

    `reasons` say why no decisions are made, none while they are. `remarks` are what is amiss
    although decisions are made. Both are lines below the status. `/livez` is content while the
    process answers.
    """

    async def healthz(_: Request) -> Response:
        why = reasons()
        # The first line alone is for probes; people read on.
        status = "NOT_SERVING" if why else "SERVING"
        text = "".join(f"{line}\n" for line in (status, *why, *remarks()))
        return PlainTextResponse(text, status_code=503 if why else 200)

    async def livez(_: Request) -> Response:
        return PlainTextResponse("SERVING\n")

    async def show_metrics(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/livez", livez, methods=["GET"]),
        Route("/metrics", show_metrics, methods=["GET"]),
    ]


class HttpCall:
    """What a call over HTTP has of the context that gRPC gives to a call."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._seconds = asyncio.get_running_loop().time
        timeout = request.headers.get("connect-timeout-ms")
        self._deadline = None if timeout is None else self._seconds() + int(timeout) / 1000

    def peer(self) -> str:
        host, port = self._request.client or ("", 0)
        # As gRPC writes it, so that one function reads the addresses of both.
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._request.headers.items())

    def auth_context(self) -> Mapping[str, Any]:
        return {}  # certificates are shown to gRPC alone

    def time_remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - self._seconds())


async def read_body(request: Request, most: int) -> bytes | None:
    """The exact bytes, None where there are more than may be."""
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        # While reading: a Content-Length may lie, and chunks have none.
        if len(taken) > most:
            return None
    return bytes(taken)


@asynccontextmanager
async def serve_http(
    setting: str, address: str, app: ASGIApp, certificates: Certificates | None = None
) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Serve at a setting's address while open; raises AddressInUse.

    Yields the base URL, and what lets the server begin to stop before.
    """
    listener = _listen(setting, address)
    tls: ssl.SSLContext | None = None
    if certificates is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        certificates.load_into(tls)
    scheme = "http" if tls is None else "https"
    host, _ = split_address(address)
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}:{listener.getsockname()[1]}"
    async with serving(app, listener, tls=tls, headers=None if tls is None else HSTS) as close:
        yield url, close


def _listen(setting: str, address: str) -> socket.socket:
    try:
        return listen(*split_address(address))
    except OSError as error:
        raise AddressInUse(
            f"{address} cannot be bound ({error.strerror}): stop the program that uses it or set "
            f"{PREFIX}{setting} to another address"
        ) from None
