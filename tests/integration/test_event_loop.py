"""Calls of gRPC's threads on the event loop, with the library's own clients at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any

import grpc
import msgspec
import pytest

from decision_service.server.transport.context import ANONYMOUS, Behaviour, RpcContext
from decision_service.server.transport.event_loop import EventLoopInterceptor
from decision_service.server.transport.interceptors import Handler


class Method(msgspec.Struct, frozen=True):
    """A method whose messages are bytes."""

    behaviour: Behaviour
    kind: Callable[..., Handler] = grpc.unary_unary_rpc_method_handler


class Server(msgspec.Struct, frozen=True):
    """A started server and what it is made of."""

    grpc: grpc.Server
    event_loop: EventLoopInterceptor
    port: int

    async def stop(self, grace: float) -> None:
        """Stop it, and return when no call is served any more."""
        stopped = self.grpc.stop(grace)
        await asyncio.to_thread(stopped.wait)
        await self.event_loop.idle()


def _read(message: bytes) -> bytes:
    if message == b"garbage":
        raise ValueError("what stands in the message is nobody's business")
    return message


def started(
    methods: Mapping[str, Method],
    interceptors: Sequence[grpc.ServerInterceptor] = (),
    **options: int,
) -> Server:
    """A server of these methods, with some of gRPC's options."""
    threads = ThreadPoolExecutor(150)
    event_loop = EventLoopInterceptor(threads, lambda _: ANONYMOUS)
    chosen = [(f"grpc.{name}", value) for name, value in options.items()]
    server = grpc.server(threads, interceptors=[*interceptors, event_loop], options=chosen)
    served = {
        name: one.kind(one.behaviour, request_deserializer=_read) for name, one in methods.items()
    }
    server.add_registered_method_handlers("t.T", served)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return Server(server, event_loop, port)


@asynccontextmanager
async def serving(
    methods: Mapping[str, Method], **options: Any
) -> AsyncIterator[tuple[Server, grpc.aio.Channel]]:
    """A server of these methods, and a channel to it."""
    server = started(methods, **options)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield server, channel
    finally:
        await server.stop(0)


async def echo(request: bytes, call: RpcContext) -> bytes:
    """Give back what was sent, with two trailers."""
    call.set_trailing_metadata((("x-back", "1"), ("x-bytes-bin", b"\0\xff")))
    return request


def endless(cancelled: asyncio.Event, begun: asyncio.Event | None = None) -> Behaviour:
    """A behaviour that ends only by being cancelled."""

    async def behaviour(_: bytes, __: RpcContext) -> bytes:
        if begun is not None:
            begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError("unreachable")

    return behaviour


async def test_a_message_goes_in_and_one_comes_back() -> None:
    """With what the client sent beside it, its deadline, and the trailers of the reply."""
    seen: list[Any] = []

    async def behaviour(request: bytes, call: RpcContext) -> bytes:
        seen.append((dict(call.invocation_metadata())["x-sent"], call.time_remaining()))
        return await echo(request, call)

    async with serving({"Echo": Method(behaviour)}) as (_, channel):
        call = channel.unary_unary("/t.T/Echo")(b"hello", timeout=7, metadata=(("x-sent", "y"),))
        assert await call == b"hello"
        trailers = dict(await call.trailing_metadata())
        await channel.unary_unary("/t.T/Echo")(b"", metadata=(("x-sent", "z"),))
    assert (trailers["x-back"], trailers["x-bytes-bin"]) == ("1", b"\0\xff")
    assert seen[0][0] == "y"
    assert 6 < seen[0][1] < 8
    assert seen[1] == ("z", None)


async def test_errors_carry_their_details_and_trailers() -> None:
    """A call that is ended so has its code, its words and its metadata, and no reply."""

    async def behaviour(request: bytes, call: RpcContext) -> bytes:
        call.end(grpc.StatusCode.NOT_FOUND, "gone · weg", (("x-why", "test"),))
        return request

    async with serving({"Fail": Method(behaviour)}) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary("/t.T/Fail")(b"")
    assert error.value.code() is grpc.StatusCode.NOT_FOUND
    assert error.value.details() == "gone · weg"
    assert dict(error.value.trailing_metadata())["x-why"] == "test"


@pytest.mark.parametrize(
    ("path", "message", "code"),
    [
        ("/t.T/Nobody", b"", grpc.StatusCode.UNIMPLEMENTED),
        ("/t.T/Echo", b"garbage", grpc.StatusCode.INTERNAL),
        ("/t.T/Bug", b"", grpc.StatusCode.INTERNAL),
    ],
)
async def test_what_cannot_be_served_is_told_without_a_word_of_it(
    path: str, message: bytes, code: grpc.StatusCode
) -> None:
    """An unknown method, a message that is none, a behaviour that raises: others are served on."""

    async def bug(_: bytes, __: RpcContext) -> bytes:
        raise ValueError("nobody's business")

    async with serving({"Echo": Method(echo), "Bug": Method(bug)}) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary(path)(message)
        assert error.value.code() is code
        assert "business" not in str(error.value)
        assert await channel.unary_unary("/t.T/Echo")(b"on") == b"on"


@pytest.mark.parametrize("timeout", [None, 0.2])
async def test_a_client_that_leaves_cancels_its_call(timeout: float | None) -> None:
    """Whether it cancels or its deadline comes, the behaviour is cancelled."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async with serving({"Wait": Method(endless(cancelled, begun))}) as (_, channel):
        call = channel.unary_unary("/t.T/Wait")(b"", timeout=timeout)
        await begun.wait()
        if timeout is None:
            call.cancel()
        await cancelled.wait()
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            await call


async def test_a_stream_of_answers_ends_with_its_status() -> None:
    """Messages come in order; the trailers come after them."""

    async def count(request: bytes, call: RpcContext) -> None:
        for number in range(int(request)):
            await call.write(str(number).encode())

    async with serving({"Count": Method(count, grpc.unary_stream_rpc_method_handler)}) as (
        _,
        channel,
    ):
        answers = [one async for one in channel.unary_stream("/t.T/Count")(b"5")]
    assert answers == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_stream_of_questions_is_read_to_its_end() -> None:
    """Each message is answered while the client goes on sending."""

    async def shout(requests: AsyncIterator[bytes], call: RpcContext) -> None:
        async for request in requests:
            await call.write(request.upper())

    async with serving({"Shout": Method(shout, grpc.stream_stream_rpc_method_handler)}) as (
        _,
        channel,
    ):
        call = channel.stream_stream("/t.T/Shout")()
        for word in (b"one", b"two", b"three"):
            await call.write(word)
            assert await call.read() == word.upper()
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF


async def test_a_stop_lets_calls_finish_and_takes_no_new_ones() -> None:
    """What is in progress has its answer; a stopped server's port is closed."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def wait(request: bytes, _: RpcContext) -> bytes:
        begun.set()
        await go.wait()
        return request

    async with serving({"Wait": Method(wait)}) as (server, channel):
        held = asyncio.ensure_future(channel.unary_unary("/t.T/Wait")(b"held"))
        await begun.wait()
        stopping = asyncio.create_task(server.stop(30))
        await asyncio.sleep(0.05)
        assert not stopping.done()
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary("/t.T/Wait")(b"late", timeout=5)
        go.set()
        assert await held == b"held"
        await stopping
        await server.stop(0)


async def test_a_stop_breaks_off_what_does_not_end_in_time() -> None:
    """A shorter grace that is asked for later counts."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async with serving({"Never": Method(endless(cancelled, begun))}) as (server, channel):
        held = asyncio.ensure_future(channel.unary_unary("/t.T/Never")(b""))
        await begun.wait()
        slowly = asyncio.create_task(server.stop(60))
        await asyncio.sleep(0)
        await server.stop(0)
        await slowly
        await cancelled.wait()
        with pytest.raises(grpc.aio.AioRpcError):
            await held


@pytest.mark.parametrize("how", ["answered", "refused", "left"])
async def test_ended_calls_that_are_remembered_keep_nobody_out(how: str) -> None:
    """However many calls somebody still knows, as errors do, the connection takes further ones."""
    held: list[RpcContext] = []
    begun, left = asyncio.Queue[None](), asyncio.Queue[None]()

    async def behaviour(request: bytes, call: RpcContext) -> bytes:
        held.append(call)
        begun.put_nowait(None)
        if how == "refused":
            call.end(grpc.StatusCode.UNAVAILABLE, "")
        if how == "left":
            try:
                await asyncio.Event().wait()
            finally:
                left.put_nowait(None)
        return request

    methods = {"Held": Method(behaviour), "Echo": Method(echo)}
    async with serving(methods, max_concurrent_streams=4) as (_, channel):
        for _ in range(20):
            call = channel.unary_unary("/t.T/Held")(b"")
            await begun.get()
            if how == "left":
                call.cancel()
                await left.get()
            with suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
                await call
        assert await channel.unary_unary("/t.T/Echo")(b"still", timeout=5) == b"still"
        assert len(held) == 20
    assert all(call.done for call in held)


SEEN: ContextVar[str] = ContextVar("seen", default="")


class Interceptor(grpc.ServerInterceptor):
    """One as other packages have: it notes the method in a context variable."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        SEEN.set(details.method)
        return continuation(details)


async def test_an_interceptor_stands_around_a_call_and_its_context_is_seen() -> None:
    """What it sets before the method is found is there on the event loop."""

    async def behaviour(_: bytes, __: RpcContext) -> bytes:
        return SEEN.get().encode()

    methods = {"Seen": Method(behaviour)}
    async with serving(methods, interceptors=[Interceptor()]) as (_, channel):
        assert await channel.unary_unary("/t.T/Seen")(b"") == b"/t.T/Seen"


async def test_a_call_that_ends_without_a_message_is_unimplemented() -> None:
    """As gRPC itself says of a method that takes one message."""
    async with serving({"Echo": Method(echo)}) as (_, channel):
        call = channel.stream_unary("/t.T/Echo")()
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.UNIMPLEMENTED
