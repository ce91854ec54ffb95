"""The lender beside an attack: calls at an even pace, what became of them and how long it took."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field

import grpc

from bench.reliability.lag import lag_measured
from tests.attack.found import Found
from tests.attack.target import Target, application

PACE = 0.01
"""Seconds between calls."""

TIMEOUT = 10.0


@dataclass(slots=True)
class Served:
    """Seconds of the decisions that were made, less what the attacker's own loop was late."""

    took: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """Seconds; 0 where fewer than two decisions were made."""
        return statistics.quantiles(self.took, n=100)[-1] if len(self.took) > 1 else 0.0


async def decide(target: Target, found: Found, count: int, beside: str) -> Served:
    """Ask for so many warm decisions, one after another; each is an attempt."""
    served = Served()
    async with target.stub() as stub, lag_measured() as lag:
        for _ in range(count):
            began, code = time.monotonic(), "OK"
            try:
                await stub.CreateDecision(application(), metadata=target.lender, timeout=TIMEOUT)
                now = time.monotonic()
                served.took.append(max(0.0, now - began - lag.around(now)))
            except grpc.aio.AioRpcError as error:
                code = f"{error.code().name} {error.details()}"
            found.equal(f"a decision beside {beside}", code, "OK")
            await asyncio.sleep(PACE)
    return served
