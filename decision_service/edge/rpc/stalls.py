"""Calls whose reply nobody reads: they are ended, so that they hold nothing for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from decision_service.edge.rpc.calls import Context
from decision_service.edge.rpc.layers import STALL_SECONDS

LOOK_SECONDS = 1.0


class StallWatch:
    """Knows which replies are on their way, and ends the calls of those that do not arrive."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.ended = 0
        self._seconds = seconds
        self._leaving: dict[Context, tuple[float, asyncio.Task[Any]]] = {}

    @property
    def under_way(self) -> int:
        """How many replies are on their way."""
        return len(self._leaving)

    def leaving(self, context: Context) -> None:
        """A reply is about to be sent by the task that runs."""
        task = asyncio.current_task()
        if task is not None:
            self._leaving[context] = (self._seconds(), task)
            context.add_done_callback(self._arrived)  # type: ignore[arg-type]  # a class in the stubs

    def look(self) -> None:
        """End the calls whose reply has been under way for ten seconds."""
        latest = self._seconds() - STALL_SECONDS
        for context, (since, task) in list(self._leaving.items()):
            if since <= latest:
                del self._leaving[context]
                task.cancel()
                self.ended += 1

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _arrived(self, context: Context) -> None:
        self._leaving.pop(context, None)
