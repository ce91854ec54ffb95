"""From the threads of `grpc.server` to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NoReturn, ParamSpec, TypeVar

import grpc
import msgspec
import structlog

from decision_service.server.transport.context import Behaviour, Caller, CallStatus, RpcContext
from decision_service.server.transport.interceptors import (
    Handler,
    Interceptor,
    behaviour_of,
    chained,
)

P = ParamSpec("P")
T = TypeVar("T")
CANCELLED = CallStatus(grpc.StatusCode.CANCELLED, "the call was cancelled")
FAILED = CallStatus(grpc.StatusCode.INTERNAL, "the service failed")
UNREADABLE = CallStatus(grpc.StatusCode.INTERNAL, "the message cannot be read as a request")
NO_MESSAGE = CallStatus(grpc.StatusCode.UNIMPLEMENTED, "the method takes one message")

log = structlog.get_logger("decision_service.rpc")


class EventLoopInterceptor(grpc.ServerInterceptor):
    """Serves each call's behaviour, behind a chain, on the event loop on which this is made.

    `identify` finds the caller of a call; methods in `open_to_all` need none. Those in
    `left_alone` do not come to the event loop: their handlers are gRPC's own.
    """

    def __init__(
        self,
        threads: Executor,
        identify: Callable[[RpcContext], Caller | None],
        chain: Sequence[Interceptor] = (),
        open_to_all: Container[str] = (),
        left_alone: Container[str] = (),
    ) -> None:
        self._handlers: dict[str, Handler] = {}
        self._chain = chain
        self._loop = asyncio.get_running_loop()
        self._threads = threads
        self._identify = identify
        self._open_to_all = open_to_all
        self._left_alone = left_alone
        self._tasks: set[asyncio.Task[Any]] = set()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The method's handler, from the second call on as it was made for the first."""
        method = handler_call_details.method
        if method in self._left_alone:
            return continuation(handler_call_details)
        # A name that a stranger makes up gets no entry: the table would grow for ever.
        made = self._handlers.get(method)
        if made is None and (handler := continuation(handler_call_details)) is not None:
            made = self._handlers.setdefault(method, self._wrapped(handler, method))
        return made

    def _wrapped(self, handler: Handler, method: str) -> Handler:
        """A handler for gRPC's threads, which takes messages from an iterator of bytes.

        Of a handler that takes one message gRPC would log the parser's error, which may hold data.
        """
        served = _Method(
            chained(self._chain, behaviour_of(handler), method),
            # Raw bytes are read below, where what is no message ends the call with one sentence.
            handler.request_deserializer or bytes,
            handler.request_streaming,
            open_to_all=method in self._open_to_all,
        )
        serializer = handler.response_serializer
        if handler.response_streaming:
            replies = partial(self._replies, served)
            return grpc.stream_stream_rpc_method_handler(replies, response_serializer=serializer)
        reply = partial(self._reply, served)
        return grpc.stream_unary_rpc_method_handler(reply, response_serializer=serializer)

    async def idle(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _reply(
        self, method: _Method, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> Any:
        call = self._begun(RpcContext(context), method, context)
        work = self._served(method, messages, call, context=context)
        reply = _result(work, context)
        _conclude(call, context)
        return reply

    def _replies(
        self, method: _Method, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[Any]:
        outbox: SimpleQueue[_Sent | None] = SimpleQueue()
        call = self._begun(RpcContext(context, partial(_put, outbox)), method, context)
        work = self._served(method, messages, call, context=context)
        # The last entry wakes the thread also where the call failed or was cancelled.
        work.add_done_callback(lambda _: outbox.put(None))
        while (sent := outbox.get()) is not None:
            yield sent.message
            # Only after gRPC took the message, and on the loop: futures are not for threads.
            self._loop.call_soon_threadsafe(_settle, sent.taken)
        _result(work, context)
        _conclude(call, context)

    def _begun(
        self, call: RpcContext, method: _Method, context: grpc.ServicerContext
    ) -> RpcContext:
        if not method.open_to_all:
            # On gRPC's thread, so that hashing a token never holds the loop.
            call.caller = self._identify(call)
        # False: the client left before the call began, and no callback will come.
        if not context.add_callback(call.over):
            _end(CANCELLED, context)
        return call

    def _served(
        self,
        method: _Method,
        messages: Iterator[bytes],
        call: RpcContext,
        context: grpc.ServicerContext,
    ) -> Future[Any]:
        request: Any = (
            self._requests(method, messages)
            if method.streaming
            else _request(method, messages, context)
        )
        work = asyncio.run_coroutine_threadsafe(self._run(method, request, call), self._loop)
        call.serve(work)
        return work

    async def _run(self, method: _Method, request: Any, call: RpcContext) -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this runs in one
        self._tasks.add(task)
        # The loop keeps weak references alone: without the set a task could vanish while it runs.
        task.add_done_callback(self._tasks.discard)
        if call.late is not None:
            call.caller = await call.late()
        return await method.behaviour(request, call)

    async def _requests(self, method: _Method, messages: Iterator[bytes]) -> AsyncIterator[Any]:
        """The client's messages until it has no more; a thread waits for each."""
        while True:
            try:
                # `next` blocks until the client sends: on the loop it would stop every other call.
                message = await self._loop.run_in_executor(self._threads, next, messages, None)
            except grpc.RpcError:  # the client cancelled the call
                return
            if message is None:
                return
            yield method.read(message)


class _Method(msgspec.Struct, frozen=True):
    behaviour: Behaviour
    read: Callable[[bytes], Any]
    streaming: bool
    open_to_all: bool


def _request(method: _Method, messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:
    """The one message of a call; gRPC raises here when the call is cancelled."""
    message = next(messages, None)
    if message is None:
        _end(NO_MESSAGE, context)
    try:
        return method.read(message)
    except Exception:  # noqa: BLE001 - whatever a parser raises, the message is none of ours
        _end(UNREADABLE, context)


class _Sent(msgspec.Struct, frozen=True):
    """A message of a stream on its way to gRPC."""

    message: Any
    taken: asyncio.Future[None]


async def _put(outbox: SimpleQueue[_Sent | None], message: Any) -> None:
    sent = _Sent(message, asyncio.get_running_loop().create_future())
    outbox.put(sent)
    # The stream waits for its client, so that a slow reader costs one message of memory.
    await sent.taken


def _settle(taken: asyncio.Future[None]) -> None:
    # Cancelled, where the call ended while its message was under way.
    if not taken.done():
        taken.set_result(None)


def _result(work: Future[Any], context: grpc.ServicerContext) -> Any:
    try:
        return work.result()
    except CancelledError:
        _end(CANCELLED, context)
    except Exception as error:  # noqa: BLE001 - a bug of an interceptor; its text may hold data
        log.critical("call failed outside its interceptors", error=type(error).__name__)
        _end(FAILED, context)


def _conclude(call: RpcContext, context: grpc.ServicerContext) -> None:
    # abort() raises, so that trailers have to go with it and not after it.
    if call.status is not None:
        _end(call.status, context)
    if call.trailing:
        context.set_trailing_metadata(call.trailing)


def _end(status: CallStatus, context: grpc.ServicerContext) -> NoReturn:
    context.set_trailing_metadata(status.trailing)
    context.abort(status.code, status.details)
    raise AssertionError("unreachable")  # pragma: no cover - abort raises


class CallThreads(ThreadPoolExecutor):
    """`most` threads at most, started as calls need them.

    `grpc.server` serves nothing more once `submit` has raised in its own thread, as the standard
    pool's does on a machine out of memory. Here such work waits for the next thread that has time.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most, "grpc")
        self._waiting: SimpleQueue[_Work] = SimpleQueue()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it on a thread, now or later; it is cancelled where the pool is shut down first."""
        work = _Work(Future(), partial(fn, *args, **kwargs))
        self._waiting.put(work)
        # No thread can be started now: a running one takes the work when it has time.
        with suppress(RuntimeError, MemoryError):
            super().submit(self._work)
        return work.future

    def shutdown(self, *args: Any, **kwargs: Any) -> None:
        """End as the standard pool does; work that waits without a thread is cancelled."""
        super().shutdown(*args, **kwargs)
        with suppress(Empty):
            while True:
                self._waiting.get_nowait().future.cancel()

    def _work(self) -> None:
        with suppress(Empty):
            while True:
                _run(self._waiting.get_nowait())


class _Work(msgspec.Struct, frozen=True):
    future: Future[Any]
    call: Callable[[], Any]


def _run(work: _Work) -> None:
    if not work.future.set_running_or_notify_cancel():
        return
    try:
        result = work.call()
    except BaseException as error:  # noqa: BLE001 - it is the caller's, as in the standard pool
        work.future.set_exception(error)
    else:
        work.future.set_result(result)
