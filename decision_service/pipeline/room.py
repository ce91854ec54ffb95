"""How much work is in progress at a time, and how much may wait for its turn."""

from __future__ import annotations

import asyncio

from decision_service.domain.errors import Overloaded

LIMIT = 256


class WorkRoom:
    """Room for `limit` pieces of work; twice as many may wait, first come, first served.

    `async with room:` raises Overloaded, at once, where not even waiting is possible, or while
    the room is closed by `shedding`.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.shedding = False
        self.working = 0
        self.waiting = 0
        self.refused = 0
        self._places = asyncio.Semaphore(limit)

    async def __aenter__(self) -> None:
        """Take a place, waiting for one where need be."""
        if self.shedding or self.waiting >= 2 * self.limit:
            self.refused += 1
            raise Overloaded("more work is in progress and waiting than this process takes: retry")
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        self.working += 1

    async def __aexit__(self, *_: object) -> None:
        """Give the place to whoever waits longest."""
        self.working -= 1
        self._places.release()
