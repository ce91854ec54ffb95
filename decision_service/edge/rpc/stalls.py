"""Calls whose reply nobody reads: they are ended, so that they hold nothing for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from decision_service.edge.rpc.layers import STALL_SECONDS

LOOK_SECONDS = 1.0
FEW = 256
"""So many replies are kept in the list before those that have arrived are taken out."""


class StallWatch:
    """Knows which replies are on their way, and ends the calls of those that do not arrive.

    Ended tasks are looked for when the list has doubled, instead of each telling that it ends.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.ended = 0
        self._seconds = seconds
        self._leaving: list[tuple[float, asyncio.Task[Any]]] = []
        self._most = FEW

    @property
    def remembered(self) -> int:
        """How many replies are in the list, some of which may have arrived."""
        return len(self._leaving)

    @property
    def under_way(self) -> int:
        """How many replies are on their way."""
        self._tidy()
        return len(self._leaving)

    def leaving(self) -> None:
        """A reply is about to be sent by the task that runs."""
        task = asyncio.current_task()
        if task is None:
            return
        self._leaving.append((self._seconds(), task))
        if len(self._leaving) > self._most:
            self._tidy()
            self._most = max(FEW, 2 * len(self._leaving))

    def look(self) -> None:
        """End the calls whose reply has been under way for ten seconds."""
        self._tidy()
        latest = self._seconds() - STALL_SECONDS
        late = [task for since, task in self._leaving if since <= latest]
        self._leaving = [one for one in self._leaving if one[0] > latest]
        for task in late:
            task.cancel()
        self.ended += len(late)

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _tidy(self) -> None:
        self._leaving = [one for one in self._leaving if not one[1].done()]
