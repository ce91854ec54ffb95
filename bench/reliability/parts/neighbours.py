"""Strangers who flood the port, an applicant with very much: a client beside them is served."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count

import grpc

from bench.reliability.bench import Bench, bench
from bench.reliability.client import CREATE, advance, loan
from bench.reliability.flood import flooding
from bench.reliability.floods import FLOODS
from bench.reliability.lag import lag_measured
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from bench.reliability.vendor import hoarder, person
from tests.e2e.wire import RST_STREAM, frame
from tests.e2e.wire import connected as wired

PART = "neighbours"
SILENT = 200
CALLS = 400
PACE = 0.01
"""Seconds between a client's calls."""

WITHIN, TIMES = 0.25, 5.0
"""A flood may slow a client to so many seconds, or so many times what it takes alone."""

TWICE, LEAST = 2.0, 0.05
"""An applicant with very much may slow others so far; what is below so many seconds is as good."""

NOBODY, HOARDER = "nobody", "ten thousand records"
CANCELLED = (8).to_bytes(4)


@dataclass(slots=True)
class Found:
    """What one client saw of another's flood."""

    took: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def p99(self) -> float:
        """Seconds; 0 where fewer than two calls were answered."""
        return statistics.quantiles(self.took, n=100)[-1] if len(self.took) > 1 else 0.0


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """The same client alone, and beside each of the others."""
    del seconds  # the calls bound this part
    calls, seen = setting.options.scaled(CALLS, 50), dict[str, Found]()
    async with bench(setting, PART, 1) as on:
        await _client(on, "warm", 20)
        for name, flood in _FLOODS.items():
            async with AsyncExitStack() as strangers:
                await flood(on, strangers)
                seen[name] = await _client(on, name, calls)
    bound = max(WITHIN, TIMES * seen[NOBODY].p99) * setting.options.slack
    kept = {name: _told(score, bound, name, found) for name, found in seen.items()}
    wrong = [name for name in kept if not kept[name]]
    score.row("C12", f"not served beside {', '.join(wrong)}" if wrong else "")
    _tell_of_the_hoarder(score, setting.options.slack, seen)


async def _client(on: Bench, name: str, calls: int) -> Found:
    """Small decisions at an even pace; what the bench itself was late is taken off."""
    found = Found()
    async with lag_measured() as lag:
        for number in range(calls):
            began = time.monotonic()
            try:
                request = advance(f"{name}-{number}", person("George", 0))
                await on.client.decide(request, timeout=5.0)
                now = time.monotonic()
                found.took.append(max(0.0, now - began - lag.around(now)))
            except grpc.RpcError:
                found.errors += 1
            await asyncio.sleep(PACE)
    return found


async def _nobody(on: Bench, strangers: AsyncExitStack) -> None:
    """The client is alone."""
    del on, strangers


async def _silent(on: Bench, strangers: AsyncExitStack) -> None:
    """Connections that never say a word."""
    for _ in range(SILENT):
        _, writer = await asyncio.open_connection("127.0.0.1", on.server.port)
        strangers.callback(writer.close)


async def _resets(on: Bench, strangers: AsyncExitStack) -> None:
    """Calls that are begun and taken back at once, a thousand a second over ten connections."""
    for number in range(10):
        _until_left(strangers, _reset_again_and_again(on, number))


async def _reset_again_and_again(on: Bench, number: int) -> None:
    message = advance(f"reset-{number}", person("George", 0)).SerializeToString()
    while True:  # the service closes a connection on which nothing else happens
        async with wired(on.server.address) as wire:
            for stream in range(1, 2_000, 2):
                wire.open(stream, CREATE, message)
                wire.send(frame(RST_STREAM, 0, stream, CANCELLED))
                await asyncio.sleep(0.01)


def _frames(name: str) -> Callable[[Bench, AsyncExitStack], Awaitable[None]]:
    """A flood of frames on one connection, as fast as the server takes it."""

    async def flood(on: Bench, strangers: AsyncExitStack) -> None:
        await strangers.enter_async_context(flooding(name, on.server.address, CREATE))

    return flood


async def _hoarder(on: Bench, strangers: AsyncExitStack) -> None:
    """Two callers who again and again want a decision on ten thousand records."""
    for number in range(2):
        _until_left(strangers, _decide_again_and_again(on, number))


async def _decide_again_and_again(on: Bench, number: int) -> None:
    for turn in count():
        with suppress(grpc.RpcError):
            await on.client.decide(loan(f"hoard-{number}-{turn}", hoarder()), timeout=9.0)


def _until_left(strangers: AsyncExitStack, work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    strangers.push_async_callback(end)


_FLOODS = {
    NOBODY: _nobody,
    f"{SILENT} silent connections": _silent,
    "calls taken back": _resets,
    **{f"a flood of {name}": _frames(name) for name in FLOODS},
    HOARDER: _hoarder,
}


def _tell_of_the_hoarder(score: Score, slack: float, seen: Mapping[str, Found]) -> None:
    times, bound = seen[HOARDER].p99 / max(seen[NOBODY].p99, LEAST), TWICE * slack
    name, promise = f"the same, against {NOBODY}", f"< {bound:g} times"
    score.judged(PART, name, f"{times:.1f} times", promise, kept=times < bound)
    score.row("U26 others", "" if times < bound else f"{times:.1f} times as slow")


def _told(score: Score, bound: float, name: str, found: Found) -> bool:
    """Whether the client was served as it is promised."""
    score.none(PART, f"calls that failed beside {name}", found.errors)
    if name == HOARDER:  # measured against the client alone
        score.told(PART, f"p99 beside {name}", f"{found.p99 * 1000:.0f} ms")
        return not found.errors
    kept = found.p99 <= bound
    told, promise = f"{found.p99 * 1000:.0f} ms", f"<= {bound * 1000:.0f} ms"
    score.judged(PART, f"p99 beside {name}", told, promise, kept=kept)
    return kept and not found.errors
