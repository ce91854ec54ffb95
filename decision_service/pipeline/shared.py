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


class SharedResult(Generic[Result]):
    """A result that will be told, for those who wait for it as for SharedWork's."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[Result]] = set()

    def seal(self) -> None:
        """Nobody can stop what it comes from."""

    async def wait(self, seconds: float) -> Result:
        """The result, for at most this long; raises TimeoutError, or the error that was told."""
        waiter: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(max(seconds, 0)):
                return await waiter
        finally:
            self._waiters.discard(waiter)

    def told(self, result: Result) -> None:
        """Everybody who waits has it."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(result)

    def failed(self, error: Callable[[], Exception]) -> None:
        """Everybody who waits has an error of its own."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error())


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
