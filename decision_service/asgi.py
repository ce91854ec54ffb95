"""Serving an ASGI application on a socket, inside the event loop that is running already."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

SHUTDOWN_SECONDS = 1
"""How long answers in progress may take when the server stops."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises OSError. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # The event loop does this for sockets it makes itself; without it an answer takes 40 ms more,
    # because its body waits until the head is acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    """A server that leaves the signals to the program around it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handlers: uvicorn's would take the place of the program's own."""
        yield


@asynccontextmanager
async def serving(
    app: Any,
    listener: socket.socket,
    *,
    tls: ssl.SSLContext | None = None,
    http: Callable[..., asyncio.Protocol] | None = None,
    headers: Mapping[str, str] | None = None,
    on_close: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """Serve while the context is open.

    `http` makes a connection's protocol in place of uvicorn's. Every answer has the `headers`.
    `on_close` runs before the server stops.
    """
    config = uvicorn.Config(
        app,
        http=http or "h11",  # type: ignore[arg-type]  # it is called as a class would be
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        headers=[*(headers or {}).items()],
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0)
            if running.done():
                running.result()
        yield
    finally:
        on_close()
        server.should_exit = True
        await running
