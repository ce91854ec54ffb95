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
        self._task.add_done_callback(lambda _: on_end())
        self._task.add_done_callback(_retrieve)
        self._waiting = 0
        self._sealed = False

    def seal(self) -> None:
        """From now on the work goes on even when nobody waits for it."""
        self._sealed = True

    async def wait(self, seconds: float) -> Result:
        """The result, for at most this long; raises TimeoutError, or what the work raised."""
        self._waiting += 1
        try:
            await asyncio.wait((self._task,), timeout=max(seconds, 0))
            if not self._task.done():
                raise TimeoutError
            return self._task.result()
        finally:
            self._waiting -= 1
            if not self._waiting and not self._sealed:
                self._task.cancel()


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Mark an error as seen: whoever waited has it, and nobody else needs it."""
    if not task.cancelled():
        task.exception()
