"""How much work is in progress at a time, and how much may wait for its turn."""

from __future__ import annotations

import asyncio
from collections import deque

from decision_service.domain.errors import Overloaded

LIMIT = 256


class Bulkhead:
    """At most `limit` pieces of work in progress; twice as many may wait, first come, first served.

    `async with bulkhead:` raises Overloaded, at once, where not even waiting is possible, or while
    `shedding` is set.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.shedding = False
        self.working = 0
        self.refused = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How much work waits for a place."""
        return len(self._queue)

    def enter(self) -> bool:
        """Take a place; False where that would mean waiting, or while `shedding` is set."""
        if self.shedding or self._queue or self.working >= self.limit:
            return False
        self.working += 1
        return True

    def leave(self) -> None:
        """Give the place to whoever waits longest."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.working -= 1

    async def __aenter__(self) -> None:
        """Take a place, waiting for one where need be."""
        if self.enter():
            return
        if self.shedding or self.waiting >= 2 * self.limit:
            self.refused += 1
            raise Overloaded("more work is in progress and waiting than this process takes: retry")
        await self._turn()

    async def __aexit__(self, *_: object) -> None:
        """Leave it."""
        self.leave()

    async def _turn(self) -> None:
        """Wait for a place; one that comes to somebody who has left goes to the next."""
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except BaseException:
            if turn.cancelled():
                self._queue.remove(turn)
            else:
                self.leave()
            raise
