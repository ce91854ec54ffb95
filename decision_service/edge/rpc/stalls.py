"""Calls whose reply nobody reads: they are ended, so that they hold nothing for ever."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from decision_service.edge.rpc.layers import STALL_SECONDS

LOOK_SECONDS = 1.0
FEW = 256
"""So many replies are kept in the list before those that have arrived are taken out."""


class Leaving(Protocol):
    """A call whose reply is on its way until it is done."""

    @property
    def done(self) -> bool:
        """Whether the connection has taken everything."""

    def cancel(self) -> None:
        """Break the call off."""


class StallWatch:
    """Knows which replies are on their way, and ends the calls of those that do not arrive.

    Those that are done are forgotten as later ones come, and where one that stalls stands before
    them, when the list has doubled.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.ended = 0
        self._seconds = seconds
        self._leaving: deque[tuple[float, Leaving]] = deque()
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

    def leaving(self, call: Leaving) -> None:
        """A reply is about to be sent."""
        leaving = self._leaving
        while leaving and leaving[0][1].done:
            leaving.popleft()
        leaving.append((self._seconds(), call))
        if len(self._leaving) > self._most:
            self._tidy()
            self._most = max(FEW, 2 * len(self._leaving))

    def look(self) -> None:
        """End the calls whose reply has been under way for ten seconds."""
        self._tidy()
        latest = self._seconds() - STALL_SECONDS
        late = [call for since, call in self._leaving if since <= latest]
        self._leaving = deque(one for one in self._leaving if one[0] > latest)
        for call in late:
            call.cancel()
        self.ended += len(late)

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _tidy(self) -> None:
        self._leaving = deque(one for one in self._leaving if not one[1].done)
