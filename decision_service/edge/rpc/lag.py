"""How late the event loop runs, and refusing work while it has been late for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from decision_service.pipeline.decide.bulkhead import Bulkhead

LOOK_SECONDS = 0.25
LATE = 0.250
"""Seconds of lag from which the loop counts as late."""

LATE_FOR = 5.0
"""Seconds of being late after which no new work is taken, until the loop is in time again."""

log = structlog.get_logger("decision_service.lag")


class LagWatch:
    """Measures how late the loop wakes a sleeper, and sheds work while it is late for long."""

    def __init__(
        self, bulkhead: Bulkhead, seconds: Callable[[], float], show: Callable[[float], None]
    ) -> None:
        self._bulkhead = bulkhead
        self._seconds = seconds
        self._show = show
        self._late_since: float | None = None

    async def run(self) -> None:
        """Measure four times a second, for ever."""
        while True:
            before = self._seconds()
            await asyncio.sleep(LOOK_SECONDS)
            self.woke(before, self._seconds())

    def woke(self, before: float, now: float) -> None:
        """A sleeper that went to sleep at `before` woke now."""
        lag = max(0.0, now - before - LOOK_SECONDS)
        self._show(lag)
        if lag <= LATE:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = before
        late = self._late_since is not None and now - self._late_since >= LATE_FOR
        if late != self._bulkhead.shedding:
            log.warning("shedding" if late else "taking work again", lag=round(lag, 3))
        self._bulkhead.shedding = late
