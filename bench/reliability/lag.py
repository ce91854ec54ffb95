"""How late the bench itself was: on a busy machine that is not the service's doing."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice, takewhile

TICK = 0.01
WINDOW = 1.0


@dataclass(slots=True)
class Lag:
    """By how much the bench's own event loop was late, tick by tick."""

    ticks: list[tuple[float, float]] = field(default_factory=list)

    def around(self, moment: float) -> float:
        """The longest lag within a second of a moment (time.monotonic)."""
        first = bisect_left(self.ticks, (moment - WINDOW, 0.0))
        near = takewhile(lambda tick: tick[0] <= moment + WINDOW, islice(self.ticks, first, None))
        return max((lag for _, lag in near), default=0.0)

    async def tick(self) -> None:
        """Measure until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            now = time.monotonic()
            self.ticks.append((now, now - before - TICK))


@asynccontextmanager
async def lag_measured() -> AsyncIterator[Lag]:
    """Measure the lag of the running loop."""
    lag = Lag()
    ticking = asyncio.create_task(lag.tick())
    try:
        yield lag
    finally:
        ticking.cancel()
