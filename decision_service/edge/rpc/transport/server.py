"""The server: a thread waits for gRPC, the event loop serves.

grpc.aio hands every event of every call through several coroutines and a socket; a call cost it
250 µs where this takes 60 (docs/decisions/0071). Whatever comes while the loop is busy is handed
over together.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import grpc
import msgspec
import structlog

from decision_service.edge.rpc.transport.call import Call, CallEnded, Metadata, Method
from decision_service.edge.rpc.transport.core import (
    DONE,
    SHUT_DOWN,
    CompletionQueue,
    CoreServer,
    Event,
)

log = structlog.get_logger("decision_service.rpc")

ACCEPTING = 128
"""How many calls gRPC may hand over before it is asked for more."""

TOGETHER = 512
"""So many events at most are taken from gRPC before the loop is woken for them."""

LOOKS, LOOK_AROUND = 8, 0.02
"""gRPC reads one connection at a look. So often in a row it must have nothing before a busy loop
leaves it alone, once in so many seconds; otherwise one look is enough. To read all of them after
every few events would refuse what is too much sooner, and cost twice as much for each."""

AT_A_TIME = 8
"""After so many events the loop looks at what else it has to do, and for new events."""


class Bounds(msgspec.Struct, frozen=True):
    """How many calls may be open, and how many events may wait for the loop.

    What comes beyond either is told `code`, `details` and `trailing` at once, by the thread that
    waits for gRPC, unless its method is served always.
    """

    calls: int
    waiting: int
    code: int
    details: str
    trailing: Metadata


class Server:
    """Serves methods on one port. It belongs to the event loop on which it is started."""

    def __init__(self, options: Iterable[tuple[str, Any]], bounds: Bounds) -> None:
        self.refused = 0
        self.open = 0
        self._bounds = bounds
        self._queue = CompletionQueue()
        self._core = CoreServer(tuple(options), False)  # noqa: FBT003 - no xDS; it takes no names
        self._core.register_completion_queue(self._queue)
        self._methods: dict[bytes, Method] = {}
        self._inbox: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._outbox: list[tuple[Call, bytes, Metadata]] = []
        self._woken = self._ended = False
        self._taking = threading.Lock()
        self._busy = threading.Lock()
        self._is_busy = False
        self._looked_around = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._wait, name="grpc", daemon=True)

    def add(self, methods: Mapping[str, Method]) -> None:
        """Serve these methods, by `/service/method`."""
        self._methods |= {path.encode(): method for path, method in methods.items()}

    def listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """The port, 0 where the address cannot be bound."""
        secrets = () if credentials is None else (credentials._credentials,)  # type: ignore[attr-defined]  # noqa: SLF001 - as grpcio's servers do
        try:
            return int(self._core.add_http2_port(address.encode(), *secrets))
        except RuntimeError:
            return 0

    def start(self) -> None:
        """Take calls from now on."""
        self._loop = asyncio.get_running_loop()
        self._core.start()
        for _ in range(ACCEPTING):
            self._accept()
        self._thread.start()

    async def stop(self, grace: float) -> None:
        """Take no more calls, and break off those that have not ended after `grace` seconds.

        Asked again meanwhile, the shorter grace counts.
        """
        if not self._stopping:
            self._stopping = True
            self._core.shutdown(self._queue, self._tag_shutdown)
        timer = self._loop.call_later(grace, self._break_off)
        await self._stopped.wait()
        timer.cancel()
        await asyncio.to_thread(self._thread.join)
        if self._tasks:
            await asyncio.wait(self._tasks)

    def serve(self, call: Call, request: Any) -> None:
        """Serve a call by its method's behaviour, on a task of its own."""
        call.task = task = self._loop.create_task(_served(call, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if call.gone:  # since before its task was there to be cancelled
            task.cancel()

    def leaving(self, call: Call, message: bytes, trailing: Metadata) -> None:
        """Send a reply at the loop's next turn.

        Replies that leave together, as those of a group of commits do, are handed to gRPC in one
        go: between other work each took three times as long.
        """
        if not self._outbox:
            self._loop.call_soon(self._send)
        self._outbox.append((call, message, trailing))

    def post(self, work: Callable[[Any], None], given: Any) -> None:
        """Have the event loop do something; for the thread that waits for gRPC."""
        self._inbox.append((work, given))

    def left(self, call: Call) -> None:
        """A call is over; told by the thread that waits for gRPC."""
        if call.counted:
            call.counted = False
            self.open -= 1

    def _send(self) -> None:
        self._work()
        leaving, self._outbox = self._outbox, []
        for call, message, trailing in leaving:
            call.send_reply(message, trailing)

    def _serve_inbox(self) -> None:
        """On the loop: what came since, a part at a time."""
        self._woken = False
        self._work()
        inbox = self._inbox
        for _ in range(min(AT_A_TIME, len(inbox))):
            work, given = inbox.popleft()
            work(given)
        if inbox and not self._woken:
            self._woken = True
            self._loop.call_soon(self._serve_inbox)

    def _work(self) -> None:
        """On the loop: while it works it takes events by itself.

        The thread would hardly get to it: it has to wait for the interpreter anew after each, and
        stops the loop to get it.
        """
        if not self._is_busy:
            self._is_busy = True
            self._busy.acquire()
            self._loop.call_soon(self._rest)

    def _rest(self) -> None:
        """On the loop, when all that was due is done: leave the events to the thread again."""
        now = self._loop.time()
        around = now - self._looked_around >= LOOK_AROUND
        if around:
            self._looked_around = now
        self._take_all(LOOKS if around else 1)
        if self._inbox or self._outbox:
            self._loop.call_soon(self._rest)
            if self._inbox and not self._woken:
                self._woken = True
                self._loop.call_soon(self._serve_inbox)
            return
        self._is_busy = False
        self._busy.release()

    def _wait(self) -> None:
        """The thread: every event's tag is called, until the server has stopped."""
        while not self._ended:
            self._take(self._queue.poll())
            if not self._is_busy:
                self._take_all()
            if self._inbox and not self._woken:
                self._woken = True
                self._loop.call_soon_threadsafe(self._serve_inbox)
            with self._busy:
                pass

    def _take_all(self, looks: int = 1) -> None:
        """All events that are there, up to a number, until so many looks in a row found none."""
        left = looks
        for _ in range(TOGETHER):
            event = self._queue.poll(0)
            if event.completion_type is DONE:
                self._take(event)
                left = looks
            else:
                left -= 1
                if not left:
                    return

    def _take(self, event: Event) -> None:
        if event.completion_type is SHUT_DOWN:
            self._ended = True
        elif event.tag is not None:
            with self._taking:
                self._call_tag(event)

    def _call_tag(self, event: Event) -> None:
        try:
            event.tag(event)
        except Exception as error:  # noqa: BLE001 - one call's bug must not end all calls
            log.critical("a call broke", error=type(error).__name__)

    def _accept(self) -> None:
        with suppress(ValueError):  # the server was stopped meanwhile
            self._core.request_call(self._queue, self._queue, self._tag_call)

    def _tag_call(self, event: Event) -> None:
        if not event.success:
            return
        self._accept()
        method = self._methods.get(event.call_details.method, _UNKNOWN)
        call = Call(event, method, self)
        if self._is_full() and not method.always:
            self._refuse(call)
            return
        self.open += 1
        call.begin()

    def _is_full(self) -> bool:
        return self.open >= self._bounds.calls or len(self._inbox) > self._bounds.waiting

    def _refuse(self, call: Call) -> None:
        self.refused += 1
        call.refuse(self._bounds.code, self._bounds.details, self._bounds.trailing)

    def _break_off(self) -> None:
        if not self._stopped.is_set():
            self._core.cancel_all_calls()

    def _tag_shutdown(self, _: Event) -> None:
        """Every call has ended."""
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        """On the loop, so that nobody reaches for a core that is gone."""
        self._core.destroy()
        self._queue.shutdown()
        self._stopped.set()


async def _served(call: Call, request: Any) -> None:
    try:
        call.finish(await call.method.behaviour(request, call))
    except CallEnded:
        pass
    except BaseException:
        if not call.gone and not call.ended:
            call.cancel()
        raise
    finally:
        call.served()


async def _unserved(_: Any, call: Call) -> None:
    await call.abort(grpc.StatusCode.UNIMPLEMENTED, "there is no such method here")


_UNKNOWN = Method("", _unserved, bytes, bytes)
