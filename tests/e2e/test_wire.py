"""What clients do on the wire that no client library does; others are served meanwhile."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.server import event_loop as open_calls
from decision_service.server import grpc as server
from decision_service.server import health as streams
from decision_service.standin.sandbox import sandbox_people
from tests.e2e import wire
from tests.e2e.service import Running, create, refused, running
from tests.e2e.wire import Wire, frame
from tests.kits.until import until

GEORGE = sandbox_people()[0].user_id
LIST = "/decision_service.api.v1.DecisionService/ListDecisions"
WATCH = "/grpc.health.v1.Health/Watch"
LISTING = service_pb.ListDecisionsRequest()
CANCEL = struct.pack(">I", 8)


@asynccontextmanager
async def wired(live: Running, window: int = 65_535) -> AsyncIterator[Wire]:
    """A connection by hand."""
    async with wire.connected(live.service.address, window) as opened:
        yield opened


async def dialled(live: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which nothing is said by itself."""
    host, _, port = live.service.address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def served(live: Running) -> None:
    """Another client gets its answer."""
    await live.stub.ListDecisions(LISTING, timeout=10)


async def test_too_much_metadata_is_refused_by_the_transport(shared: Running) -> None:
    """More than 8 KiB of metadata never reaches the service; less does."""
    await shared.stub.ListDecisions(LISTING, metadata=(("x-small", "x" * 6_000),))
    with pytest.raises(grpc.RpcError) as error:
        await shared.stub.ListDecisions(LISTING, metadata=(("x-large", "x" * 9_000),))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 99,
    ],
    ids=["http1", "tls", "zeros"],
)
async def test_what_is_no_http2_is_closed(shared: Running, garbage: bytes) -> None:
    """A connection that begins otherwise ends, and nobody else notices."""
    reader, writer = await dialled(shared)
    writer.write(garbage)
    await served(shared)
    while await reader.read(4096):
        pass
    writer.close()


async def test_two_hundred_silent_connections_hold_nobody_up(shared: Running) -> None:
    """Connections that say nothing take nothing from the others."""
    opened = [await dialled(shared) for _ in range(200)]
    await served(shared)
    for _, writer in opened:
        writer.close()


async def test_a_flood_of_pings_ends_its_connection(shared: Running) -> None:
    """After a few pings too many the server says goodbye; others go on."""
    async with wired(shared) as flooding:
        flooding.send(*(frame(wire.PING, 0, 0, b"8 bytes.") for _ in range(200)))
        goodbye = await flooding.until(wire.GOAWAY)
        await served(shared)
    assert goodbye is not None
    assert b"too_many_pings" in goodbye.body


async def served_while_young(live: Running) -> bool:
    """Whether another client gets its answer before its connection is old."""
    try:
        await served(live)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False
    return True


async def test_headers_that_never_end_end_their_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once where frames hold nothing, else when the connection is old; others go on."""
    young = ("grpc.max_connection_age_ms", "grpc.max_connection_age_grace_ms")
    options = [(name, 200 if name in young else value) for name, value in server.OPTIONS]
    monkeypatch.setattr(server, "OPTIONS", tuple(options))
    begun = frame(wire.HEADERS, 0, 1, wire.header_block(wire.request_headers(LIST)))
    more = wire.header_block({"x-more": "x" * 8_000})
    async with running(tmp_path) as live:
        for body, times in ((b"", 99), (more, 2)):
            reader, writer = await dialled(live)
            writer.write(wire.PREFACE + frame(wire.SETTINGS, 0, 0) + begun)
            writer.write(frame(wire.CONTINUATION, 0, 1, body) * times)
            await until(partial(served_while_young, live))
            while await reader.read(4096):
                pass
            writer.close()


async def test_rapid_resets_leave_nothing_behind(shared: Running) -> None:
    """A thousand calls begun and cancelled at once leave no call in progress."""
    limits = shared.service.core.deps.limits
    async with wired(shared) as resetting:
        for stream in range(1, 2_001, 2):
            resetting.open(stream, LIST, b"")
            resetting.send(frame(wire.RST_STREAM, 0, stream, CANCEL))
        await served(shared)
    await until(lambda: not (limits.reads.working or limits.reads.waiting))
    await served(shared)


async def test_a_client_that_keeps_its_call_waiting_is_left(
    live: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that reads nothing of its reply, and one that sends no message, hold nothing for ever."""
    await live.stub.CreateDecision(create(GEORGE))
    calls = live.service.rpc.calls

    def cancelled() -> bool:
        calls.cancel_slow()
        return bool(calls.slow_readers and calls.slow_senders)

    async with wired(live, window=1) as slow:
        slow.open(1, LIST, b"")
        assert (await slow.until(wire.DATA)) is not None
        slow.begin(3, LIST)
        await until(lambda: calls.open == 2)
        monkeypatch.setattr(open_calls, "CLIENT_SECONDS", 0.0)
        await until(cancelled)
        await until(lambda: not calls.open)
        monkeypatch.undo()
        await served(live)


async def test_a_watcher_who_does_not_read_holds_up_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Health changes and the service stops although a watcher has taken nothing."""
    monkeypatch.setattr(streams, "CLIENT_SECONDS", 0.2)
    async with running(tmp_path) as live, wired(live, window=0) as slow:
        slow.open(1, WATCH, b"")
        await slow.until(wire.HEADERS)
        live.service.rpc.set_health(["a test"])
        check = live.channel.unary_unary("/grpc.health.v1.Health/Check")
        status = health_pb2.HealthCheckResponse.FromString(await check(b"")).status
        assert status == health_pb2.HealthCheckResponse.NOT_SERVING
        await live.service.stop()


async def test_watches_end_before_the_stop_and_are_bounded(
    live: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One watch too many is refused; the open one hears of the stop and ends."""
    monkeypatch.setattr("decision_service.server.health.MOST_WATCHES", 1)
    watch = live.channel.unary_stream(
        WATCH, response_deserializer=health_pb2.HealthCheckResponse.FromString
    )
    first = watch(b"")
    assert (await first.read()).status == health_pb2.HealthCheckResponse.SERVING
    assert (await refused(watch(b"").read())).info.reason == "OVERLOADED"
    await live.service.stop()
    assert (await first.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert await first.read() is grpc.aio.EOF
