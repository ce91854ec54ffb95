"""Calls whose reply is not read: they are cancelled, so that they hold nothing for ever."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from decision_service.edge.rpc.streams import READ_SECONDS

LOOK_SECONDS = 1.0
FEW = 256
"""So many replies are kept in the list before those that were read are taken out."""


class PendingReply(Protocol):
    """A call whose reply is on its way until it is done."""

    @property
    def done(self) -> bool:
        """Whether the connection has taken everything."""

    def cancel(self) -> None:
        """Break the call off."""


class SlowReaders:
    """Keeps the calls whose reply is being sent, and cancels those that are not read in time.

    Calls that are done leave the list as later ones enter it, and those behind a slow reader when
    the list has doubled.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.ended = 0
        self._seconds = seconds
        self._replies: deque[tuple[float, PendingReply]] = deque()
        self._most = FEW

    @property
    def tracked(self) -> int:
        """How many calls are in the list, some of which may be done."""
        return len(self._replies)

    @property
    def pending(self) -> int:
        """How many replies are on their way."""
        self._forget_done()
        return len(self._replies)

    def track(self, call: PendingReply) -> None:
        """Enter a call whose reply is about to be sent."""
        replies = self._replies
        while replies and replies[0][1].done:
            replies.popleft()
        replies.append((self._seconds(), call))
        if len(replies) > self._most:
            self._forget_done()
            self._most = max(FEW, 2 * len(self._replies))

    def look(self) -> None:
        """Cancel the calls whose reply has been on its way for READ_SECONDS."""
        self._forget_done()
        latest = self._seconds() - READ_SECONDS
        late = [call for since, call in self._replies if since <= latest]
        self._replies = deque(one for one in self._replies if one[0] > latest)
        for call in late:
            call.cancel()
        self.ended += len(late)

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _forget_done(self) -> None:
        self._replies = deque(one for one in self._replies if not one[1].done)
