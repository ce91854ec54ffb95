"""What runs on the event loop: supervised background tasks, ASGI servers, and the loop of a
command.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import structlog
import uvicorn

FAILURES_UNTIL_UNWELL = 3
STEADY_SECONDS = 60.0
"""Seconds of running after which a task's count of failures starts anew."""

_FIRST_REST = 1.0
_LONGEST_REST = 30.0

Factory = Callable[[], Coroutine[Any, Any, None]]
Tasks = Mapping[str, Factory]

Result = TypeVar("Result")

log = structlog.get_logger("decision_service.supervision")
SHUTDOWN_SECONDS = 1
"""How long answers in progress may take when the server stops."""


class Supervisor:
    """Keeps tasks running; `restarts` counts by name, `unwell` names those that keep failing.

    Between two runs a task rests, longer each time it fails in a row (1 to 30 seconds); `seconds`
    is a clock that never goes back.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.restarts: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._sleep = sleep
        self._seconds = seconds

    @property
    def unwell(self) -> tuple[str, ...]:
        """The tasks that have failed three times in a row."""
        return tuple(n for n, count in self._failures.items() if count >= FAILURES_UNTIL_UNWELL)

    def supervise(self, name: str, factory: Factory) -> None:
        """Run the factory's task, and restart it whenever it ends or is cancelled."""
        self.restarts[name] = self._failures[name] = 0
        self._keepers.append(asyncio.create_task(self._keep(name, factory), name=name))

    async def aclose(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self, name: str, factory: Factory) -> None:
        while True:
            began = self._seconds()
            error = await _ended(factory())
            if self._seconds() - began >= STEADY_SECONDS:
                self._failures[name] = 0
            self._failures[name] += 1
            self.restarts[name] += 1
            log.error("task ended", task=name, error=error, restarts=self.restarts[name])
            await self._sleep(min(_FIRST_REST * 2 ** (self._failures[name] - 1), _LONGEST_REST))


async def _ended(work: Coroutine[Any, Any, None]) -> str:
    """Run work to its end; how it ended. Cancelled with its caller."""
    # A task of its own: one that is cancelled is begun anew, and its keeper goes on.
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    finally:
        # Also where the keeper is cancelled: nothing runs on without it.
        task.cancel()
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return "returned" if error is None else type(error).__name__


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

    def close(self) -> None:
        self.should_exit = True


@asynccontextmanager
async def serving(
    app: Any,
    listener: socket.socket,
    *,
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
    on_close: Callable[[], None] = lambda: None,
) -> AsyncIterator[Callable[[], None]]:
    """Serve while the context is open, and yield what lets the server begin to stop before.

    Every answer has the `headers`. `on_close` runs before the server stops.
    """
    config = uvicorn.Config(
        app,
        http="h11",
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
        yield server.close
    finally:
        on_close()
        server.close()
        await running


if sys.platform == "win32":

    def run_async(work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run(work)

else:
    import uvloop

    def run_async(work: Coroutine[Any, Any, Result]) -> Result:
        return uvloop.run(work)
