"""A limit on work in progress, with a bounded queue in front."""

from __future__ import annotations

import asyncio
from collections import deque

from decision_service.domain.errors import Overloaded

LIMIT = 256


class Bulkhead:
    """At most `limit` pieces of work in progress; twice as many may wait, first come, first served.

    `async with bulkhead:` raises Overloaded without waiting where the queue is full, or while
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
        """How many callers wait for a slot."""
        return len(self._queue)

    def enter(self) -> bool:
        """Take a slot; False where none is free, where others wait, or while `shedding` is set."""
        if self.shedding or self._queue or self.working >= self.limit:
            return False
        self.working += 1
        return True

    def leave(self) -> None:
        """Give the slot to the caller that waits longest."""
        while self._queue:
            slot = self._queue.popleft()
            if not slot.done():
                slot.set_result(None)
                return
        self.working -= 1

    async def __aenter__(self) -> None:
        """Take a slot, waiting for one where none is free."""
        if self.enter():
            return
        if self.shedding or self.waiting >= 2 * self.limit:
            self.refused += 1
            raise Overloaded("more work is in progress and waiting than this process takes: retry")
        await self._wait_for_slot()

    async def __aexit__(self, *_: object) -> None:
        """Give the slot back."""
        self.leave()

    async def _wait_for_slot(self) -> None:
        """Wait for a slot; a slot given to a caller that has left goes to the next."""
        slot = asyncio.get_running_loop().create_future()
        self._queue.append(slot)
        try:
            await slot
        except BaseException:
            if not slot.cancelled():
                self.leave()
            elif slot in self._queue:  # `leave` drops those that it comes by
                self._queue.remove(slot)
            raise
