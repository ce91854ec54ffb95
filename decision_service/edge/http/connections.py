"""The connections of the HTTP server: how many there are, and how long they wait for clients.

A connection waits for its client until a request has come whole, and while a reply is not taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 256
CLIENT_SECONDS = 5.0
"""How long a client may take for a request's head, for its body, and to take the reply."""

CONNECTION = "connection"
"""Under which name a request's `state` has its connection."""


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
        """Seconds since it began to wait."""
        return self.loop.time() - self.since

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request; where all places are taken, another connection ends."""
        super().connection_made(transport)
        self._connections.add(self)
        self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._connections.remove(self)
        self._stop_waiting()
        super().connection_lost(exc)

    def begin(self) -> None:
        """Wait for a request from now on."""
        if not self.transport.is_closing():
            self._restart()
            self._wait()

    def request_came(self) -> None:
        """The head of a request has come; its body may be on its way."""
        self._restart()

    @contextmanager
    def waiting(self, *, anew: bool = False) -> Iterator[None]:
        """Wait for the client, whose time goes on unless it begins `anew`."""
        if anew:
            self._restart()
        self._wait()
        try:
            yield
        finally:
            self._stop_waiting()

    def end(self) -> None:
        """Break the connection off."""
        if not self.transport.is_closing():
            self._connections.ended += 1
        self.transport.abort()

    def _restart(self) -> None:
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

    Beyond them the one that has waited longest for its client ends, so that nobody keeps others
    out by saying nothing.
    """

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self.ended = 0
        self._most = most
        self._open: set[ClientConnection] = set()

    def add(self, connection: ClientConnection) -> None:
        """Count a connection."""
        if len(self._open) >= self._most:
            (longest_waiting(self._open) or connection).end()
        self._open.add(connection)

    def remove(self, connection: ClientConnection) -> None:
        """Count it no longer."""
        self._open.discard(connection)


def longest_waiting(connections: Iterable[ClientConnection]) -> ClientConnection | None:
    """The one of these that has waited longest for its client; None where none waits."""
    waiting = (connection for connection in connections if connection.waits)
    return min(waiting, key=_since, default=None)


def _since(connection: ClientConnection) -> float:
    return connection.since


def bounded_by(connections: HttpConnections) -> Callable[..., ClientConnection]:
    """Makes the connections of a server, counted here."""

    def made(**given: Any) -> ClientConnection:
        return ClientConnection(connections, **given)

    return made
