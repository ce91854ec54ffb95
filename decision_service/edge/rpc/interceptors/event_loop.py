"""Handlers of `grpc.server` that hand their calls to the event loop.

gRPC runs each handler on a thread of its pool. The thread reads the message, waits while the
behaviour serves the call as a task on the loop, and sends what that came to.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Any, NoReturn, TypeAlias

import grpc
import msgspec
import structlog

from decision_service.edge.rpc.call import Call, Ending

Behaviour: TypeAlias = Callable[[Any, Call], Awaitable[Any]]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

BROKEN_OFF = Ending(grpc.StatusCode.CANCELLED, "the call was broken off")
BROKEN = Ending(grpc.StatusCode.INTERNAL, "the service failed")
UNREADABLE = Ending(grpc.StatusCode.INTERNAL, "the message cannot be read as a request")

log = structlog.get_logger("decision_service.rpc")


class OpenCalls:
    """How many calls are open, `limit` at most; `refused` counts those beyond it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = self.refused = 0
        self._lock = threading.Lock()

    def enter(self, *, always: bool) -> bool:
        """Count one more; False, and it is refused, where that is too many and not `always`."""
        with self._lock:
            if self.open >= self.limit and not always:
                self.refused += 1
                return False
            self.open += 1
            return True

    def leave(self) -> None:
        """A call is over."""
        with self._lock:
            self.open -= 1


class LoopHandlers:
    """From gRPC's threads to the event loop, on which it is made."""

    def __init__(self, threads: Executor, calls: OpenCalls, full: Ending) -> None:
        self._loop = asyncio.get_running_loop()
        self._threads = threads
        self._calls = calls
        self._full = full
        self._tasks: set[asyncio.Task[Any]] = set()

    def handler(self, inner: Handler, behaviour: Behaviour, *, always: bool) -> Handler:
        """A handler like another one, whose calls this behaviour serves.

        Messages are read here: gRPC would log what a parser says of those that cannot be.
        """
        method = _Method(behaviour, inner.request_deserializer or bytes, always)
        serializer = inner.response_serializer
        if inner.unary_unary is not None:
            one = partial(self._reply, method)
            return grpc.unary_unary_rpc_method_handler(one, response_serializer=serializer)
        many = partial(self._replies, method)
        if inner.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(many, response_serializer=serializer)
        return grpc.stream_stream_rpc_method_handler(many, response_serializer=serializer)

    async def idle(self) -> None:
        """Return when no call is being served any more."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _reply(self, method: _Method, message: bytes, context: grpc.ServicerContext) -> Any:
        request = _read(method, message, context)
        call = self._begun(Call(context), method, context)
        reply = _result(self._served(method, request, call), context)
        _concluded(call, context)
        return reply

    def _replies(self, method: _Method, given: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        outbox: SimpleQueue[_Sent | None] = SimpleQueue()
        call = self._begun(Call(context, partial(_put, outbox)), method, context)
        if isinstance(given, bytes):
            request = _read(method, given, context)
        else:
            request = self._messages(method, given)
        work = self._served(method, request, call)
        work.add_done_callback(lambda _: outbox.put(None))
        while (sent := outbox.get()) is not None:
            yield sent.message
            self._loop.call_soon_threadsafe(_settle, sent.taken)
        _result(work, context)
        _concluded(call, context)

    def _begun(self, call: Call, method: _Method, context: grpc.ServicerContext) -> Call:
        if not self._calls.enter(always=method.always):
            _end(self._full, context)
        if not context.add_callback(partial(self._over, call)):
            self._calls.leave()
            _end(BROKEN_OFF, context)
        return call

    def _over(self, call: Call) -> None:
        self._calls.leave()
        call.over()

    def _served(self, method: _Method, request: Any, call: Call) -> Future[Any]:
        work = asyncio.run_coroutine_threadsafe(self._run(method, request, call), self._loop)
        call.serve(work)
        return work

    async def _run(self, method: _Method, request: Any, call: Call) -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this runs in one
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await method.behaviour(request, call)

    async def _messages(self, method: _Method, given: Iterator[bytes]) -> AsyncIterator[Any]:
        """The client's messages until it has no more; a thread waits for each."""
        while True:
            message = await self._loop.run_in_executor(self._threads, next, given, None)
            if message is None:
                return
            yield method.read(message)


class _Method(msgspec.Struct, frozen=True):
    behaviour: Behaviour
    read: Callable[[bytes], Any]
    always: bool


class _Sent(msgspec.Struct, frozen=True):
    """A message of a stream on its way to gRPC."""

    message: Any
    taken: asyncio.Future[None]


async def _put(outbox: SimpleQueue[_Sent | None], message: Any) -> None:
    sent = _Sent(message, asyncio.get_running_loop().create_future())
    outbox.put(sent)
    await sent.taken


def _settle(taken: asyncio.Future[None]) -> None:
    if not taken.done():
        taken.set_result(None)


def _read(method: _Method, message: bytes, context: grpc.ServicerContext) -> Any:
    try:
        return method.read(message)
    except Exception:  # noqa: BLE001 - whatever a parser raises, the message is none of ours
        _end(UNREADABLE, context)


def _result(work: Future[Any], context: grpc.ServicerContext) -> Any:
    try:
        return work.result()
    except CancelledError:
        _end(BROKEN_OFF, context)
    except Exception as error:  # noqa: BLE001 - a bug of the layers; its words are nobody's
        log.critical("a call broke", error=type(error).__name__)
        _end(BROKEN, context)


def _concluded(call: Call, context: grpc.ServicerContext) -> None:
    if call.ending is not None:
        _end(call.ending, context)
    if call.trailing:
        context.set_trailing_metadata(call.trailing)


def _end(ending: Ending, context: grpc.ServicerContext) -> NoReturn:
    context.set_trailing_metadata(ending.trailing)
    context.abort(ending.code, ending.details)
    raise AssertionError("unreachable")  # pragma: no cover - abort raises
