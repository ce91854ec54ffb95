"""Calls without a message: six connections of 256 streams each, of strangers and of a caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc

from tests.attack.found import Found
from tests.attack.lender import decide
from tests.attack.target import CREATE, HEALTH, LIST, Target
from tests.e2e import wire

CONNECTIONS, STREAMS, DECISIONS = 6, 256, 58
ELSEWHERE = "127.0.0.2"


async def run(target: Target, found: Found) -> None:
    """While they are held the lender is decided for, and health is told."""
    token = dict(target.other)
    for name, path, shown, source in (
        ("silent calls without a token", CREATE, {}, ""),
        ("silent calls with a wrong token", CREATE, {"authorization": "Bearer dst_x"}, ""),
        ("silent health checks", HEALTH, {}, ""),
        ("silent calls of another caller", LIST, token, ELSEWHERE),
        ("silent calls of a caller at the same address", LIST, token, ""),
    ):
        async with _held(target, path, shown, source):
            await decide(target, found, DECISIONS, name)
            async with target.channel() as channel:
                found.equal(f"health beside {name}", await _health(channel), "OK")
            async with target.web() as client:
                status = (await client.get("/healthz")).status_code
                found.equal(f"/healthz beside {name}", status, 200)
    found.figures.append(f"{CONNECTIONS * STREAMS} calls at a time")


@asynccontextmanager
async def _held(
    target: Target, path: str, shown: dict[str, str], source: str
) -> AsyncIterator[None]:
    """So many calls of headers alone, until the block ends."""
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            opened = wire.connected(target.address, tls=target.trust("h2"), source=source)
            connection = await stack.enter_async_context(opened)
            for stream in range(1, 2 * STREAMS, 2):
                connection.begin(stream, path, **shown)
        yield


async def _health(channel: grpc.aio.Channel) -> str:
    try:
        await channel.unary_unary(HEALTH)(b"", timeout=10)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"
