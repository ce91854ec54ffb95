"""The gRPC server on gRPC's core, with the library's own clients at the other end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest

from decision_service.edge.rpc.transport import server as transport
from decision_service.edge.rpc.transport.call import Call, Method
from decision_service.edge.rpc.transport.server import Bounds, Server

Behaviour = Callable[[Any, Call], Awaitable[Any]]
BOUNDS = Bounds(calls=100, waiting=1_000, code=8, details="full", trailing=(("x-told", "full"),))


def method(behaviour: Behaviour, **more: Any) -> Method:
    """A method whose messages are bytes."""
    return Method("M", behaviour, read=_read, write=bytes, **more)


def _read(message: bytes) -> bytes:
    if message == b"garbage":
        raise ValueError("what stands in the message is nobody's business")
    return message


@asynccontextmanager
async def serving(
    methods: Mapping[str, Method], bounds: Bounds = BOUNDS, **options: int
) -> AsyncIterator[tuple[Server, grpc.aio.Channel]]:
    """A server of these methods with some of gRPC's options, and a channel to it."""
    server = Server(((f"grpc.{name}", value) for name, value in options.items()), bounds)
    server.add({f"/t.T/{name}": one for name, one in methods.items()})
    port = server.listen("127.0.0.1:0")
    server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield server, channel
    finally:
        await server.stop(0)


async def echo(request: bytes, call: Call) -> bytes:
    """Give back what was sent, with two trailers."""
    call.set_trailing_metadata((("x-back", "1"), ("x-bytes-bin", b"\0\xff")))
    return request


def endless(cancelled: asyncio.Event, begun: asyncio.Event | None = None) -> Behaviour:
    """A behaviour that ends only by being cancelled."""

    async def behaviour(_: bytes, __: Call) -> bytes:
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

    async def behaviour(request: bytes, call: Call) -> bytes:
        seen.append((dict(call.invocation_metadata())["x-sent"], call.time_remaining()))
        return await echo(request, call)

    async with serving({"Echo": method(behaviour)}) as (_, channel):
        call = channel.unary_unary("/t.T/Echo")(b"hello", timeout=7, metadata=(("x-sent", "y"),))
        assert await call == b"hello"
        trailers = dict(await call.trailing_metadata())
    assert (trailers["x-back"], trailers["x-bytes-bin"]) == ("1", b"\0\xff")
    assert seen[0][0] == "y"
    assert 6 < seen[0][1] < 8


async def test_without_a_deadline_there_is_none() -> None:
    """The service then sets its own."""
    seen: list[float | None] = []

    async def behaviour(request: bytes, call: Call) -> bytes:
        seen.append(call.time_remaining())
        return request

    async with serving({"Echo": method(behaviour)}) as (_, channel):
        await channel.unary_unary("/t.T/Echo")(b"")
    assert seen == [None]


async def test_errors_carry_their_details_and_trailers() -> None:
    """An aborted call ends with its code, its words and its metadata; nothing runs after it."""
    after: list[str] = []

    async def behaviour(_: bytes, call: Call) -> bytes:
        await call.abort(grpc.StatusCode.NOT_FOUND, "gone · weg", (("x-why", "test"),))
        after.append("abort returned")

    async with serving({"Fail": method(behaviour)}) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary("/t.T/Fail")(b"")
    assert error.value.code() is grpc.StatusCode.NOT_FOUND
    assert error.value.details() == "gone · weg"
    assert dict(error.value.trailing_metadata())["x-why"] == "test"
    assert not after


@pytest.mark.parametrize(
    ("path", "message", "code"),
    [
        ("/t.T/Nobody", b"", grpc.StatusCode.UNIMPLEMENTED),
        ("/t.T/Echo", b"garbage", grpc.StatusCode.INTERNAL),
        ("/t.T/Bug", b"", grpc.StatusCode.CANCELLED),
    ],
)
async def test_what_cannot_be_served_is_told_without_a_word_of_it(
    path: str, message: bytes, code: grpc.StatusCode
) -> None:
    """An unknown method, a message that is none, a behaviour that raises: others are served on."""

    async def bug(_: bytes, __: Call) -> bytes:
        raise ValueError("nobody's business")

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with serving({"Echo": method(echo), "Bug": method(bug)}) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary(path)(message)
        assert error.value.code() is code
        assert "business" not in str(error.value)
        assert await channel.unary_unary("/t.T/Echo")(b"on") == b"on"


@pytest.mark.parametrize("timeout", [None, 0.2])
async def test_a_client_that_leaves_cancels_its_call(timeout: float | None) -> None:
    """Whether it cancels or its deadline comes, the behaviour is cancelled."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async with serving({"Wait": method(endless(cancelled, begun))}) as (_, channel):
        call = channel.unary_unary("/t.T/Wait")(b"", timeout=timeout)
        await begun.wait()
        if timeout is None:
            call.cancel()
        await cancelled.wait()
        with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
            await call


async def test_a_stream_of_answers_ends_with_its_status() -> None:
    """Messages come in order; the trailers come after them."""

    async def count(request: bytes, call: Call) -> None:
        for number in range(int(request)):
            await call.write(str(number).encode())

    async with serving({"Count": method(count, replies=True)}) as (_, channel):
        answers = [one async for one in channel.unary_stream("/t.T/Count")(b"5")]
    assert answers == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_stream_of_questions_is_read_to_its_end() -> None:
    """Each message is answered while the client goes on sending."""

    async def shout(requests: AsyncIterator[bytes], call: Call) -> None:
        async for request in requests:
            await call.write(request.upper())

    async with serving({"Shout": method(shout, requests=True, replies=True)}) as (_, channel):
        call = channel.stream_stream("/t.T/Shout")()
        for word in (b"one", b"two", b"three"):
            await call.write(word)
            assert await call.read() == word.upper()
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF


async def test_calls_beyond_the_bound_are_refused_at_once_and_some_never() -> None:
    """What the bounds say is told to the third of two calls; a method that is always served is."""
    go = asyncio.Event()

    async def wait(request: bytes, _: Call) -> bytes:
        await go.wait()
        return request

    bounds = Bounds(calls=2, waiting=100, code=8, details="full", trailing=(("x-told", "full"),))
    methods = {"Wait": method(wait), "Health": method(echo, always=True)}
    async with serving(methods, bounds) as (server, channel):
        ask = channel.unary_unary("/t.T/Wait")
        held = [asyncio.ensure_future(ask(str(n).encode())) for n in range(2)]
        while server.open < 2:
            await asyncio.sleep(0.01)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await ask(b"3")
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(error.value.trailing_metadata())["x-told"] == "full"
        assert await channel.unary_unary("/t.T/Health")(b"up") == b"up"
        assert server.refused == 1
        go.set()
        assert await asyncio.gather(*held) == [b"0", b"1"]
        assert await ask(b"again") == b"again"


async def test_while_the_loop_is_late_calls_are_refused_without_it() -> None:
    """A loop that is busy with something else does not keep callers waiting for a no."""
    bounds = Bounds(calls=1_000, waiting=4, code=8, details="full", trailing=())
    refused: list[Any] = []

    def client(port: int) -> None:
        """Calls from another thread, since the loop of this one is stuck."""
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            ask = channel.unary_unary("/t.T/Echo")
            calls = [ask.future(b"x", timeout=30) for _ in range(100)]
            refused.extend(c for c in calls if c.exception() is not None)

    server = Server((), bounds)
    server.add({"/t.T/Echo": method(echo)})
    port = server.listen("127.0.0.1:0")
    server.start()
    working = asyncio.get_running_loop().run_in_executor(None, client, port)
    while not server.refused:
        pass  # the loop does nothing else
    await working
    await server.stop(0)
    assert {c.code() for c in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert 0 < len(refused) < 100


async def test_a_stop_lets_calls_finish_and_takes_no_new_ones() -> None:
    """What is in progress has its answer; a stopped server's port is closed."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def wait(request: bytes, _: Call) -> bytes:
        begun.set()
        await go.wait()
        return request

    async with serving({"Wait": method(wait)}) as (server, channel):
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

    async with serving({"Never": method(endless(cancelled, begun))}) as (server, channel):
        held = asyncio.ensure_future(channel.unary_unary("/t.T/Never")(b""))
        await begun.wait()
        slowly = asyncio.create_task(server.stop(60))
        await asyncio.sleep(0)
        await server.stop(0)
        await slowly
        await cancelled.wait()
        with pytest.raises(grpc.aio.AioRpcError):
            await held


async def test_a_quick_answer_needs_no_task_and_may_be_left_to_one() -> None:
    """A method that takes a call over ends it later; one that does not has its behaviour run."""

    def quick(request: bytes, call: Call) -> bool:
        if request == b"slow":
            return False
        asyncio.get_running_loop().call_soon(call.reply, b"quick", (("x-way", "quick"),))
        return True

    async with serving({"Echo": method(echo, quick=quick)}) as (_, channel):
        ask = channel.unary_unary("/t.T/Echo")
        call = ask(b"fast")
        assert await call == b"quick"
        assert dict(await call.trailing_metadata())["x-way"] == "quick"
        assert await ask(b"slow") == b"slow"


async def test_a_client_that_leaves_a_quick_call_leaves_nothing_behind() -> None:
    """The call is closed when its answer comes, or when its behaviour is cancelled after all."""
    taken: list[tuple[bytes, Call]] = []

    def quick(request: bytes, call: Call) -> bool:
        taken.append((request, call))
        return True

    async with serving({"Wait": method(endless(asyncio.Event()), quick=quick)}) as (
        server,
        channel,
    ):
        for message in (b"answered", b"served"):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await channel.unary_unary("/t.T/Wait")(message, timeout=0.1)
            assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        (_, answered), (request, served) = taken
        assert server.open == 2
        answered.reply(b"late", ())
        served.serve(request)
        while server.open or served.task is None or not served.task.done():
            await asyncio.sleep(0.001)
        assert answered.done
        assert served.task.cancelled()


@pytest.mark.parametrize("how", ["answered", "refused", "quickly", "left"])
async def test_ended_calls_that_are_remembered_keep_nobody_out(how: str) -> None:
    """However many calls somebody still knows, as errors do, the connection takes further ones."""
    held: list[Call] = []
    left = asyncio.Queue[None]()

    async def behaviour(request: bytes, call: Call) -> bytes:
        held.append(call)
        if how == "refused":
            await call.abort(grpc.StatusCode.UNAVAILABLE)
        if how == "left":
            try:
                await asyncio.Event().wait()
            finally:
                left.put_nowait(None)
        return request

    def quick(_: bytes, call: Call) -> bool:
        held.append(call)
        call.reply(b"", ())
        return True

    own = {"quick": quick} if how == "quickly" else {}
    async with serving(
        {"Held": method(behaviour, **own), "Echo": method(echo)}, max_concurrent_streams=4
    ) as (server, channel):
        for _ in range(20):
            with suppress(grpc.aio.AioRpcError):
                await channel.unary_unary("/t.T/Held")(b"", timeout=0.05 if how == "left" else 5)
            if how == "left":
                await left.get()
        assert await channel.unary_unary("/t.T/Echo")(b"still", timeout=5) == b"still"
        assert len(held) == 20
    assert server.open == 0


async def test_a_loop_that_works_takes_events_by_itself() -> None:
    """Callers are served while nothing but the server's own work is due, however much comes."""
    async with serving({"Echo": method(echo)}) as (server, channel):
        ask = channel.unary_unary("/t.T/Echo")
        for _ in range(3):
            sent = [str(number).encode() for number in range(90)]
            assert await asyncio.gather(*(ask(one) for one in sent)) == sent
        assert server.refused == 0
    assert server.open == 0


def test_grpc_knows_the_way_in_which_it_is_asked_to_wait() -> None:
    """A name that it does not know would change nothing but a line on stderr."""
    script = (
        "import decision_service, grpc, asyncio\n"
        "from decision_service.edge.rpc.transport.server import Bounds, Server\n"
        "Server((), Bounds(1, 1, 8, '', ())).listen('127.0.0.1:0')\n"
    )
    said = {}
    for chosen in ({}, {"GRPC_EXPERIMENTS": "-no_such_way"}):
        environ = {k: v for k, v in os.environ.items() if not k.startswith("GRPC_")} | chosen
        done = subprocess.run(
            [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
        )
        said[len(chosen)] = done.stderr
    assert "no_such_way" in said[1]
    assert "event_engine_listener" not in said[0]


async def test_a_tag_that_breaks_ends_no_other_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that waits for gRPC goes on after a bug in one call's part of it."""

    def broken(*_: Any) -> None:
        raise ValueError("a bug")

    async with serving({"Echo": method(echo)}) as (_, channel):
        ask = channel.unary_unary("/t.T/Echo")
        with monkeypatch.context() as patch:
            patch.setattr(transport.Call, "tag_message", broken)
            with pytest.raises(grpc.aio.AioRpcError):
                await ask(b"lost", timeout=0.5)
        assert await ask(b"on") == b"on"
