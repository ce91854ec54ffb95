"""What clients do on the wire that no client library does; others are served meanwhile."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.standin.sandbox import sandbox_people
from tests.e2e import wire
from tests.e2e.service import Running
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
    """More than 16 KiB of metadata never reaches the service; less does."""
    await shared.stub.ListDecisions(LISTING, metadata=(("x-small", "x" * 12_000),))
    with pytest.raises(grpc.RpcError) as error:
        await shared.stub.ListDecisions(LISTING, metadata=(("x-large", "x" * 17_000),))
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


async def test_a_watch_ends_before_the_stop(live: Running) -> None:
    """It says so first."""
    watch = live.channel.unary_stream(
        WATCH, response_deserializer=health_pb2.HealthCheckResponse.FromString
    )
    first = watch(b"")
    assert (await first.read()).status == health_pb2.HealthCheckResponse.SERVING
    await live.service.stop()
    assert (await first.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert await first.read() is grpc.aio.EOF
