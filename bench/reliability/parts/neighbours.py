"""An applicant with very much: a client that asks for others meanwhile is served."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count

import grpc

from bench.reliability.bench import Bench, bench
from bench.reliability.client import advance, loan
from bench.reliability.lag import lag_measured
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from bench.reliability.vendor import hoarder, person

PART = "neighbours"
CALLS = 400
PACE = 0.01
"""Seconds between a client's calls."""

TWICE, LEAST = 2.0, 0.05
"""An applicant with very much may slow others so far; what is below so many seconds is as good."""

NOBODY, HOARDER = "nobody", "ten thousand records"


@dataclass(slots=True)
class Found:
    """What one client saw beside another."""

    took: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def p99(self) -> float:
        """Seconds; 0 where fewer than two calls were answered."""
        if len(self.took) < 2:
            return 0.0
        return statistics.quantiles(self.took, n=100, method="inclusive")[-1]


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """The same client alone, and beside each of the others."""
    del seconds  # the calls bound this part
    calls, seen = setting.options.scaled(CALLS, 50), dict[str, Found]()
    async with bench(setting, PART, 1) as on:
        await _client(on, "warm", 20)
        for name, other in _OTHERS.items():
            async with AsyncExitStack() as others:
                await other(on, others)
                seen[name] = await _client(on, name, calls)
    for name, found in seen.items():
        score.none(PART, f"calls that failed beside {name}", found.errors)
        score.told(PART, f"p99 beside {name}", f"{found.p99 * 1000:.0f} ms")
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


async def _nobody(on: Bench, others: AsyncExitStack) -> None:
    """The client is alone."""
    del on, others


async def _hoarder(on: Bench, others: AsyncExitStack) -> None:
    """Two callers who again and again want a decision on ten thousand records."""
    for number in range(2):
        _until_left(others, _decide_again_and_again(on, number))


async def _decide_again_and_again(on: Bench, number: int) -> None:
    for turn in count():
        with suppress(grpc.RpcError):
            await on.client.decide(loan(f"hoard-{number}-{turn}", hoarder()), timeout=9.0)


def _until_left(others: AsyncExitStack, work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    others.push_async_callback(end)


_OTHERS = {
    NOBODY: _nobody,
    HOARDER: _hoarder,
}


def _tell_of_the_hoarder(score: Score, slack: float, seen: Mapping[str, Found]) -> None:
    times, bound = seen[HOARDER].p99 / max(seen[NOBODY].p99, LEAST), TWICE * slack
    name, promise = f"the same, against {NOBODY}", f"< {bound:g} times"
    score.judged(PART, name, f"{times:.1f} times", promise, kept=times < bound)
    score.row("U26 others", "" if times < bound else f"{times:.1f} times as slow")
