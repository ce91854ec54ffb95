"""Bounds of HTTP requests: their time in all, and how many of a kind there are at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decision_service.edge.http.connections import CONNECTION, ClientConnection, longest_waiting

REQUEST_SECONDS = 10.0
"""How long a request may take from its head to the end of its reply."""

MOST_OF_A_KIND = 64
UNSENT_SECONDS = 0.25
"""How long a client may keep its request waiting while others need the place."""


_LENGTHS = {b"content-length", b"transfer-encoding"}


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
        """Serve one request."""
        connection: ClientConnection = scope["state"][CONNECTION]
        connection.request_came()
        with self._place(scope["path"][1:].partition("/")[0], connection) as has_place:
            app = self._app if has_place else PlainTextResponse("", 503)
            if {name for name, _ in scope["headers"]} >= _LENGTHS:
                app = PlainTextResponse("", 400, {"connection": "close"})
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await app(scope, *_waiting_for(connection, receive, send))
            except TimeoutError:
                connection.end()
                await _disconnected(receive)
        connection.begin()

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
            if not taken:
                self._kinds.pop(kind, None)


async def _disconnected(receive: Receive) -> None:
    """Return when the server has noticed that the connection is no more."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _waiting_for(
    connection: ClientConnection, receive: Receive, send: Send
) -> tuple[Receive, Send]:
    """What a client sends and takes, for which its connection waits."""

    async def received() -> Message:
        with connection.waiting():
            return await receive()

    async def sent(message: Message) -> None:
        with connection.waiting(anew=message["type"] == "http.response.start"):
            await send(message)

    return received, sent
