"""The gRPC server and the HTTP server, on their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from starlette.routing import BaseRoute

from decision_service.edge.http.app import build_app
from decision_service.edge.http.server import serve_http
from decision_service.edge.rpc import server as rpc
from decision_service.edge.tls import AddressInUse
from decision_service.wiring.core import Core
from decision_service.wiring.errors import StartError


async def listen(
    core: Core, services: rpc.Services, pages: Sequence[BaseRoute], stack: AsyncExitStack
) -> tuple[rpc.RpcServer, str]:
    """The gRPC server, not yet SERVING, and the URL of the HTTP server, both stopped by the stack.

    Raises StartError where an address is taken.
    """
    settings = core.settings
    options = rpc.ListenOptions(
        settings.grpc_address,
        core.deps,
        core.certificates,
        settings.reflection,
        shares_port=settings.reuse_port,
    )
    try:
        server = await rpc.start(options, services)
        stack.push_async_callback(server.stop, 0.0, 0.0)
        app = build_app(
            core.metrics, lambda: server.is_serving, pages, lambda: core.active.status.remarks
        )
        http = serve_http(settings.http_address, app, core.certificates, settings.proxies)
        return server, await stack.enter_async_context(http)
    except AddressInUse as error:
        raise StartError(str(error)) from None
