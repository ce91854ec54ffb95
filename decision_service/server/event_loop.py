"""From the threads of `grpc.server` to the event loop, and the bounds on calls that are open."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container, Iterator
from concurrent.futures import CancelledError, Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Any, NoReturn

import grpc
import msgspec
import structlog

from decision_service.server.context import (
    CLIENT_SECONDS,
    Behaviour,
    Caller,
    CallStatus,
    RpcContext,
)
from decision_service.server.interceptors import Handler, MethodInterceptor, behaviour_of

LOOK_SECONDS = 1.0
UNSENT_SECONDS = 0.25
"""How long a message may be on its way while others need the place of its call."""

HEALTH_CALLS = 256
UNAUTHENTICATED_CALLS = 32
CANCELLED = CallStatus(grpc.StatusCode.CANCELLED, "the call was cancelled")
FAILED = CallStatus(grpc.StatusCode.INTERNAL, "the service failed")
UNREADABLE = CallStatus(grpc.StatusCode.INTERNAL, "the message cannot be read as a request")
NO_MESSAGE = CallStatus(grpc.StatusCode.UNIMPLEMENTED, "the method takes one message")

log = structlog.get_logger("decision_service.rpc")


class CallGroup:
    """At most `limit` calls, of one address at most `share`; `refused` counts those beyond.

    Its caller holds a lock.
    """

    def __init__(self, limit: int, share: int) -> None:
        self.limit, self.share = limit, share
        self.refused = self._open = 0
        self._held: Counter[str] = Counter()
        self._unsent: dict[RpcContext, None] = {}

    def add(self, call: RpcContext, *, awaits_message: bool) -> None:
        """Hold a place for a call, whose message is to come unless it is not waited for."""
        self._open += 1
        self._held[call.address] += 1
        if awaits_message:
            self._unsent[call] = None

    def received(self, call: RpcContext) -> None:
        self._unsent.pop(call, None)

    def remove(self, call: RpcContext) -> None:
        self.received(call)
        self._open -= 1
        self._held[call.address] -= 1
        if not self._held[call.address]:
            del self._held[call.address]

    def has_place(self, address: str) -> bool:
        """Whether another call of this address may be open."""
        return self._open < self.limit and self._held[address] < self.share

    def longest_unsent(self, address: str, latest: float) -> RpcContext | None:
        """The call whose message has been waited for longest, since `latest` or before.

        Where the address has its share, one of its own.
        """
        own = self._held[address] >= self.share
        for call in self._unsent:
            since = call.receiving_since
            if since is not None and since > latest:
                return None
            if not own or call.address == address:
                return call
        return None


class OpenCalls:
    """Calls in three groups, entered and left on any thread.

    `known` are those of known callers, at most `limit`, of one address at most three quarters of
    it. `health` are calls that need no credentials, `unauthenticated` those that have none and are
    about to be refused: of one address at most half. Where a group has no place for a call, the one
    in it whose message has been missing longest is cancelled.

    `slow_senders` counts calls that were cancelled because their message did not come,
    `slow_readers` those whose reply was not read within CLIENT_SECONDS.
    """

    def __init__(self, limit: int, seconds: Callable[[], float]) -> None:
        self.known = CallGroup(limit, max(1, limit * 3 // 4))
        self.health = CallGroup(HEALTH_CALLS, HEALTH_CALLS)
        self.unauthenticated = CallGroup(UNAUTHENTICATED_CALLS, UNAUTHENTICATED_CALLS // 2)
        self.slow_senders = self.slow_readers = 0
        self._seconds = seconds
        self._calls: dict[RpcContext, CallGroup] = {}
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        return len(self._calls)

    @property
    def most(self) -> int:
        return self.known.limit + self.health.limit + self.unauthenticated.limit

    def enter(self, call: RpcContext, group: CallGroup) -> bool:
        """Count a call whose message is to come, but an unauthenticated one's; False if refused."""
        now = self._seconds()
        with self._lock:
            unsent = None
            if not group.has_place(call.address):
                unsent = group.longest_unsent(call.address, now - UNSENT_SECONDS)
                if unsent is None:
                    group.refused += 1
                    return False
                group.received(unsent)
            if group is not self.unauthenticated:
                call.receiving_since = now
            self._calls[call] = group
            group.add(call, awaits_message=call.receiving_since is not None)
        if unsent is not None:
            self._cancel_sender(unsent)
        return True

    def received(self, call: RpcContext) -> None:
        call.receiving_since = None
        with self._lock:
            group = self._calls.get(call)
            if group is not None:
                group.received(call)

    def sending(self, call: RpcContext) -> None:
        call.sending_since = self._seconds()

    def leave(self, call: RpcContext) -> None:
        with self._lock:
            group = self._calls.pop(call, None)
            if group is not None:
                group.remove(call)

    def cancel_slow(self) -> None:
        """Cancel the calls that have waited for their client for CLIENT_SECONDS."""
        latest = self._seconds() - CLIENT_SECONDS
        with self._lock:
            calls = tuple(self._calls)
        for call in calls:
            if (since := call.receiving_since) is not None and since <= latest:
                self._cancel_sender(call)
            elif (since := call.sending_since) is not None and since <= latest:
                call.sending_since = None
                call.cancel()
                self.slow_readers += 1

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.cancel_slow()

    def _cancel_sender(self, call: RpcContext) -> None:
        call.receiving_since = None
        call.cancel()
        self.slow_senders += 1


class EventLoopInterceptor(MethodInterceptor):
    """Serves each call's behaviour on the event loop on which the interceptor is made.

    Calls beyond the bounds of `calls` end with the status `full`, without the loop. `identify`
    finds the caller of a call before it has a place. No message of an unknown caller is waited for,
    so that its behaviour gets none. Methods in `open_to_all` need no caller.
    """

    def __init__(
        self,
        threads: Executor,
        calls: OpenCalls,
        full: CallStatus,
        identify: Callable[[RpcContext], Caller | None],
        open_to_all: Container[str] = (),
    ) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._threads = threads
        self._calls = calls
        self._full = full
        self._identify = identify
        self._open_to_all = open_to_all
        self._tasks: set[asyncio.Task[Any]] = set()

    def wrap(self, handler: Handler, method: str) -> Handler:
        """A handler for gRPC's threads, which takes messages from an iterator of bytes.

        gRPC would wait without end for the message of a handler that takes one, before the handler
        has a context to cancel; and it would log the parser's error, which may hold data.
        """
        served = _Method(
            behaviour_of(handler),
            handler.request_deserializer or bytes,
            handler.request_streaming,
            method in self._open_to_all,
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
        work = self._served(method, messages, call, context)
        reply = _result(work, context)
        self._calls.sending(call)
        _conclude(call, context)
        return reply

    def _replies(
        self, method: _Method, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[Any]:
        outbox: SimpleQueue[_Sent | None] = SimpleQueue()
        call = self._begun(RpcContext(context, partial(_put, outbox)), method, context)
        work = self._served(method, messages, call, context)
        work.add_done_callback(lambda _: outbox.put(None))
        while (sent := outbox.get()) is not None:
            yield sent.message
            self._loop.call_soon_threadsafe(_settle, sent.taken)
        _result(work, context)
        _conclude(call, context)

    def _begun(
        self, call: RpcContext, method: _Method, context: grpc.ServicerContext
    ) -> RpcContext:
        if not self._calls.enter(call, self._group(call, method)):
            _end(self._full, context)
        if not context.add_callback(partial(self._over, call)):
            self._calls.leave(call)
            _end(CANCELLED, context)
        return call

    def _group(self, call: RpcContext, method: _Method) -> CallGroup:
        if method.open_to_all:
            return self._calls.health
        call.caller = self._identify(call)
        return self._calls.unauthenticated if call.caller is None else self._calls.known

    def _over(self, call: RpcContext) -> None:
        self._calls.leave(call)
        call.over()

    def _served(
        self,
        method: _Method,
        messages: Iterator[bytes],
        call: RpcContext,
        context: grpc.ServicerContext,
    ) -> Future[Any]:
        request: Any = None
        if call.caller is None and not method.open_to_all:
            pass  # it is refused without its message
        elif method.streaming:
            request = self._requests(method, messages, call)
        else:
            request = self._request(method, messages, call, context)
        work = asyncio.run_coroutine_threadsafe(self._run(method, request, call), self._loop)
        call.serve(work)
        return work

    async def _run(self, method: _Method, request: Any, call: RpcContext) -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this runs in one
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await method.behaviour(request, call)

    def _request(
        self,
        method: _Method,
        messages: Iterator[bytes],
        call: RpcContext,
        context: grpc.ServicerContext,
    ) -> Any:
        """The one message of a call; gRPC raises here when the call is cancelled."""
        message = next(messages, None)
        self._calls.received(call)
        if message is None:
            _end(NO_MESSAGE, context)
        try:
            return method.read(message)
        except Exception:  # noqa: BLE001 - whatever a parser raises, the message is none of ours
            _end(UNREADABLE, context)

    async def _requests(
        self, method: _Method, messages: Iterator[bytes], call: RpcContext
    ) -> AsyncIterator[Any]:
        """The client's messages until it has no more; a thread waits for each."""
        while True:
            try:
                message = await self._loop.run_in_executor(self._threads, next, messages, None)
            except grpc.RpcError:  # the client cancelled the call
                return
            self._calls.received(call)
            if message is None:
                return
            yield method.read(message)


class _Method(msgspec.Struct, frozen=True):
    behaviour: Behaviour
    read: Callable[[bytes], Any]
    streaming: bool
    open_to_all: bool


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


def _result(work: Future[Any], context: grpc.ServicerContext) -> Any:
    try:
        return work.result()
    except CancelledError:
        _end(CANCELLED, context)
    except Exception as error:  # noqa: BLE001 - a bug of an interceptor; its text may hold data
        log.critical("call failed outside its interceptors", error=type(error).__name__)
        _end(FAILED, context)


def _conclude(call: RpcContext, context: grpc.ServicerContext) -> None:
    if call.status is not None:
        _end(call.status, context)
    if call.trailing:
        context.set_trailing_metadata(call.trailing)


def _end(status: CallStatus, context: grpc.ServicerContext) -> NoReturn:
    context.set_trailing_metadata(status.trailing)
    context.abort(status.code, status.details)
    raise AssertionError("unreachable")  # pragma: no cover - abort raises
