"""The HTTP edge: routes for health, metrics and whatever else it is given, its bounds and
connections.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from operator import attrgetter
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from decision_service.runtime.settings import PREFIX, split_address
from decision_service.runtime.tasks import listen, serving
from decision_service.server.metrics import Metrics
from decision_service.server.tls import AddressInUse, Certificates

MOST_CONNECTIONS = 256
CLIENT_SECONDS = 5.0
"""How long a client may take for a request's head, for its body, and to take the reply."""

CONNECTION = "connection"
"""Under which name a request's `state` has its connection."""

_HAS_COME = "call_has_come"

REQUEST_SECONDS = 10.0
"""How long a request may take from its head to the end of its reply."""

MOST_OF_A_KIND = 64
UNSENT_SECONDS = 0.25
"""How long a client may keep its request waiting while others need the place."""

_LENGTHS = {b"content-length", b"transfer-encoding"}
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


class ClientConnection(H11Protocol):
    """A connection that ends when its client takes too long; it has waited since `since`."""

    def __init__(
        self, connections: HttpConnections, *, app_state: dict[str, Any], **given: Any
    ) -> None:
        super().__init__(app_state={**app_state, CONNECTION: self}, **given)
        self.waits = False
        self.since = 0.0
        self._connections = connections
        self._end: asyncio.TimerHandle | None = None

    @property
    def waited(self) -> float:
        return self.loop.time() - self.since

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request; where all places are taken, another connection ends."""
        super().connection_made(transport)
        self._connections.add(self)
        self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.remove(self)
        self._stop_waiting()
        super().connection_lost(exc)

    def begin(self) -> None:
        if not self.transport.is_closing():
            self.restart()
            self._wait()

    @contextmanager
    def waiting(self, *, anew: bool = False) -> Iterator[None]:
        """Wait for the client, whose time goes on unless it begins `anew`."""
        if anew:
            self.restart()
        self._wait()
        try:
            yield
        finally:
            self._stop_waiting()

    def end(self) -> None:
        if not self.transport.is_closing():
            self._connections.ended += 1
        self.transport.abort()

    def restart(self) -> None:
        """Begin the client's time anew, as when the head of a request has come."""
        self._stop_waiting()
        self.since = self.loop.time()

    def _wait(self) -> None:
        left = self.since + CLIENT_SECONDS - self.loop.time()
        self.waits, self._end = True, self.loop.call_later(max(0.0, left), self.end)

    def _stop_waiting(self) -> None:
        self.waits = False
        if self._end is not None:
            self._end.cancel()
            self._end = None


class HttpConnections:
    """At most `most` connections at once; `ended` counts those broken off.

    Beyond them the one that has waited longest for its client ends, so that silent clients keep no
    others out.
    """

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self.ended = 0
        self._most = most
        self._open: set[ClientConnection] = set()

    def add(self, connection: ClientConnection) -> None:
        if len(self._open) >= self._most:
            (longest_waiting(self._open) or connection).end()
        self._open.add(connection)

    def remove(self, connection: ClientConnection) -> None:
        self._open.discard(connection)


def longest_waiting(connections: Iterable[ClientConnection]) -> ClientConnection | None:
    """The one of these that has waited longest for its client; None where none waits."""
    waiting = (connection for connection in connections if connection.waits)
    return min(waiting, key=attrgetter("since"), default=None)


class BoundedRequests:
    """An application whose requests end in time, and of which no kind keeps another out.

    A kind is the first part of a path: webhooks, connect pages, health and metrics each have places
    of their own. Where they are taken, the request whose client has kept it waiting longest ends,
    or the new one is 503 where none has waited for UNSENT_SECONDS. A request whose body has two
    lengths, of which a proxy may have heeded the other, is 400 and ends its connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kinds: dict[str, set[ClientConnection]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: ClientConnection = scope["state"][CONNECTION]
        connection.restart()
        kind = scope["path"][1:].partition("/")[0]
        with self._place(kind, connection) as has_place:
            app = self._app if has_place else PlainTextResponse("", 503)
            if {name for name, _ in scope["headers"]} >= _LENGTHS:
                app = PlainTextResponse("", 400, {"connection": "close"})
            try:
                async with asyncio.timeout(REQUEST_SECONDS) as limit:
                    scope["state"][_HAS_COME] = partial(self._has_come, kind, connection, limit)
                    await app(scope, *_waiting_for(connection, receive, send))
            except TimeoutError:
                connection.end()
                while (await receive())["type"] != "http.disconnect":
                    pass  # until the server has noticed that the connection is no more
        connection.begin()

    def _has_come(self, kind: str, connection: ClientConnection, limit: asyncio.Timeout) -> None:
        self._kinds.get(kind, set()).discard(connection)
        limit.reschedule(None)

    @contextmanager
    def _place(self, kind: str, connection: ClientConnection) -> Iterator[bool]:
        taken = self._kinds.setdefault(kind, set())
        if len(taken) >= MOST_OF_A_KIND:
            slow = longest_waiting(taken)
            if slow is None or slow.waited < UNSENT_SECONDS:
                yield False
                return
            taken.discard(slow)
            slow.end()
        taken.add(connection)
        try:
            yield True
        finally:
            taken.discard(connection)
            if not taken and self._kinds.get(kind) is taken:
                del self._kinds[kind]


class HttpCall:
    """What a call over HTTP has of the context that gRPC gives to a call."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._seconds = asyncio.get_running_loop().time
        timeout = request.headers.get("connect-timeout-ms")
        self._deadline = None if timeout is None else self._seconds() + int(timeout) / 1000

    def peer(self) -> str:
        host, port = self._request.client or ("", 0)
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._request.headers.items())

    def auth_context(self) -> Mapping[str, Any]:
        return {}  # certificates are shown to gRPC alone

    def time_remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - self._seconds())

    def cancel(self) -> None:
        """Nothing: whoever is slow loses the connection, and the call with it."""


def call_has_come(request: Request) -> None:
    """Leave a call that has come whole to its own deadline, and to the bounds of calls."""
    request.scope["state"][_HAS_COME]()


async def read_body(request: Request, most: int) -> bytes | None:
    """The exact bytes, None where there are more than may be."""
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > most:
            return None
    return bytes(taken)


def _waiting_for(
    connection: ClientConnection, receive: Receive, send: Send
) -> tuple[Receive, Send]:
    """What a client sends and takes, for which its connection waits."""
    comes = True

    async def received() -> Message:
        nonlocal comes
        if not comes:  # there is nothing to wait for but that the client leaves
            return await receive()
        with connection.waiting():
            message = await receive()
        comes = message.get("more_body", False)
        return message

    async def sent(message: Message) -> None:
        with connection.waiting(anew=message["type"] == "http.response.start"):
            await send(message)

    return received, sent


@asynccontextmanager
async def serve_http(
    setting: str,
    address: str,
    app: ASGIApp,
    connections: HttpConnections,
    certificates: Certificates | None = None,
) -> AsyncIterator[str]:
    """Serve at a setting's address while open, and yield the base URL; raises AddressInUse."""
    listener = _listen(setting, address)
    tls: ssl.SSLContext | None = None
    if certificates is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        certificates.load_into(tls)
    scheme = "http" if tls is None else "https"
    host, _ = split_address(address)
    shown = f"[{host}]" if ":" in host else host
    async with serving(
        BoundedRequests(app),
        listener,
        tls=tls,
        http=partial(ClientConnection, connections),
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
