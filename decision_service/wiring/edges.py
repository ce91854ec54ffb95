"""The gRPC server and the HTTP servers, on their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import msgspec
from starlette.routing import BaseRoute

from decision_service.edge.http.app import admin_routes, build_app
from decision_service.edge.http.connections import HttpConnections
from decision_service.edge.http.server import serve_http
from decision_service.edge.readings import of_http
from decision_service.edge.rpc import server as rpc
from decision_service.edge.tls import AddressInUse
from decision_service.wiring.core import Core
from decision_service.wiring.errors import StartError


class HttpUrls(msgspec.Struct, frozen=True):
    """Where HTTP is served; `admin` has health and metrics, and may be `public` too."""

    public: str
    admin: str


async def listen(
    core: Core, services: rpc.Services, pages: Sequence[BaseRoute], stack: AsyncExitStack
) -> tuple[rpc.RpcServer, HttpUrls]:
    """The gRPC server, not yet SERVING, and the URLs of the HTTP servers, all stopped by the stack.

    Raises StartError where an address is taken.
    """
    settings = core.settings
    options = rpc.ListenOptions(
        settings.grpc_address,
        core.deps,
        core.certificates,
        settings.describes_itself,
        shares_port=settings.reuse_port,
    )
    try:
        server = await rpc.start(options, services)
        stack.push_async_callback(server.stop, 0.0, 0.0)
        return server, await _http(core, server, pages, stack)
    except AddressInUse as error:
        raise StartError(str(error)) from None


async def _http(
    core: Core, server: rpc.RpcServer, pages: Sequence[BaseRoute], stack: AsyncExitStack
) -> HttpUrls:
    """Health and metrics at an address of their own where there is one, else beside the pages."""
    settings, counted = core.settings, dict[str, HttpConnections]()

    async def serve(setting: str, address: str, routes: Sequence[BaseRoute]) -> str:
        connections = counted[setting] = HttpConnections()
        served = serve_http(
            setting,
            address,
            build_app(routes),
            connections,
            core.certificates,
        )
        return await stack.enter_async_context(served)

    admin = admin_routes(core.metrics, lambda: server.reasons, lambda: core.active.status.remarks)
    core.metrics.read(partial(of_http, counted))
    if not settings.admin_address:
        url = await serve("HTTP_ADDRESS", settings.http_address, [*admin, *pages])
        return HttpUrls(url, url)
    return HttpUrls(
        await serve("HTTP_ADDRESS", settings.http_address, pages),
        await serve("ADMIN_ADDRESS", settings.admin_address, admin),
    )
