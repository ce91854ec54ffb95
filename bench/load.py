"""Load as gRPC calls: every call is timed, requests follow each other as they are given."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Any

import grpc
import uvloop

CONNECTIONS = 4
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Taken:
    """One round: calls answered with OK a second, milliseconds of all calls, calls that failed."""

    rate: float
    p50: float
    p99: float
    failed: int


@dataclass(frozen=True, slots=True)
class Side:
    """A server under load: its address, a method, and requests without end."""

    address: str
    method: str
    requests: Iterator[bytes]
    connections: int = CONNECTIONS

    def burst(self, concurrent: int, calls: int) -> Taken:
        """Make so many calls, so many at a time, spread over the connections."""
        chosen = list(islice(self.requests, calls))
        return uvloop.run(_burst(self, chosen, concurrent))


@dataclass(slots=True)
class _Call:
    milliseconds: float
    ok: bool


async def _burst(side: Side, requests: list[bytes], concurrent: int) -> Taken:
    left, done = iter(requests), list[_Call]()
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(_channel(side.address))
            for _ in range(min(side.connections, concurrent))
        ]
        for channel in channels:
            await channel.channel_ready()
        began = perf_counter()
        await asyncio.gather(
            *(
                _caller(channels[number % len(channels)], side.method, left, done)
                for number in range(concurrent)
            )
        )
        seconds = perf_counter() - began
    cuts = statistics.quantiles([one.milliseconds for one in done], n=100, method="inclusive")
    good = sum(one.ok for one in done)
    return Taken(good / seconds, cuts[49], cuts[98], len(done) - good)


def _channel(address: str) -> grpc.aio.Channel:
    """A connection of its own."""
    return grpc.aio.insecure_channel(address, options=(("grpc.use_local_subchannel_pool", 1),))


async def _caller(
    channel: grpc.aio.Channel, method: str, left: Iterator[bytes], done: list[_Call]
) -> None:
    call: Any = channel.unary_unary(method)
    for request in left:
        began = perf_counter()
        try:
            await call(request, timeout=PATIENCE)
            ok = True
        except grpc.aio.AioRpcError:
            ok = False
        done.append(_Call((perf_counter() - began) * 1000, ok))
