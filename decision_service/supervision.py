"""Supervision of background tasks: each is restarted whenever it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

FAILURES_UNTIL_UNWELL = 3
STEADY_SECONDS = 60.0
"""Seconds of running after which a task's count of failures starts anew."""

_FIRST_REST = 1.0
_LONGEST_REST = 30.0

Factory = Callable[[], Coroutine[Any, Any, None]]

log = structlog.get_logger("decision_service.supervision")


class Supervisor:
    """Keeps tasks running; `restarts` counts by name, `unwell` names those that keep failing.

    Between two runs a task rests, longer each time it fails in a row (1 to 30 seconds); `seconds`
    is a clock that never goes back.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.restarts: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._sleep = sleep
        self._seconds = seconds

    @property
    def unwell(self) -> tuple[str, ...]:
        """The tasks that have failed three times in a row."""
        return tuple(n for n, count in self._failures.items() if count >= FAILURES_UNTIL_UNWELL)

    def supervise(self, name: str, factory: Factory) -> None:
        """Run the factory's task, and restart it whenever it ends or is cancelled."""
        self.restarts[name] = self._failures[name] = 0
        self._keepers.append(asyncio.create_task(self._keep(name, factory), name=name))

    async def aclose(self) -> None:
        """End every task, for good."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self, name: str, factory: Factory) -> None:
        while True:
            began = self._seconds()
            error = await _ended(factory())
            if self._seconds() - began >= STEADY_SECONDS:
                self._failures[name] = 0
            self._failures[name] += 1
            self.restarts[name] += 1
            log.error("task ended", task=name, error=error, restarts=self.restarts[name])
            await self._sleep(min(_FIRST_REST * 2 ** (self._failures[name] - 1), _LONGEST_REST))


async def _ended(work: Coroutine[Any, Any, None]) -> str:
    """Run work to its end; how it ended. Cancelled with its caller."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    finally:
        task.cancel()
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return "returned" if error is None else type(error).__name__
