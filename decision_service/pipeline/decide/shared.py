"""One piece of work that several callers wait for, each with its own deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class SharedWork(Generic[Result]):
    """Runs work on a task of its own, and cancels it when the last caller has left.

    `sealed` work (a commit under way) is not cancelled any more: it ends by itself.
    """

    def __init__(self, work: Coroutine[Any, Any, Result], on_end: Callable[[], object]) -> None:
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._ended)
        self._on_end = on_end
        self._waiters: set[asyncio.Future[None]] = set()
        self._sealed = False

    def seal(self) -> None:
        """From now on the work goes on even when nobody waits for it."""
        self._sealed = True

    async def wait(self, seconds: float) -> Result:
        """The result, for at most this long; raises TimeoutError, or what the work raised."""
        if not self._task.done():
            await self._wait(max(seconds, 0))
        if not self._task.done():
            raise TimeoutError
        return self._task.result()

    async def _wait(self, seconds: float) -> None:
        """By hand: asyncio's own waiting costs several times as much, at every decision."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        timer = loop.call_later(seconds, _release, waiter)
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.discard(waiter)
            if not self._waiters and not self._sealed:
                self._task.cancel()

    def _ended(self, task: asyncio.Task[Result]) -> None:
        self._on_end()
        if not task.cancelled():
            task.exception()  # whoever waits has it, and nobody else needs it
        for waiter in self._waiters:
            _release(waiter)


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
