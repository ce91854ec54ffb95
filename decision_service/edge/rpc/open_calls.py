"""The calls that are open: their bound, and the end of those whose client keeps them waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from decision_service.edge.rpc.context import CLIENT_SECONDS, RpcContext

LOOK_SECONDS = 1.0


class OpenCalls:
    """At most `limit` calls, entered and left on any thread; `refused` counts those beyond it.

    `slow_senders` counts calls that were cancelled because their message did not come within
    CLIENT_SECONDS, `slow_readers` those whose reply was not read within them.
    """

    def __init__(self, limit: int, seconds: Callable[[], float]) -> None:
        self.limit = limit
        self.refused = self.slow_senders = self.slow_readers = 0
        self._seconds = seconds
        self._calls: set[RpcContext] = set()
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        """How many calls are open."""
        return len(self._calls)

    def enter(self, call: RpcContext, *, always: bool) -> bool:
        """Count a call whose message is to come; False where it is refused, unless `always`."""
        with self._lock:
            if len(self._calls) >= self.limit and not always:
                self.refused += 1
                return False
            call.receiving_since = self._seconds()
            self._calls.add(call)
        return True

    def received(self, call: RpcContext) -> None:
        """The call's message has come."""
        call.receiving_since = None

    def sending(self, call: RpcContext) -> None:
        """The call's reply is about to be sent."""
        call.sending_since = self._seconds()

    def leave(self, call: RpcContext) -> None:
        """The call is over."""
        with self._lock:
            self._calls.discard(call)

    def cancel_slow(self) -> None:
        """Cancel the calls that have waited for their client for CLIENT_SECONDS."""
        latest = self._seconds() - CLIENT_SECONDS
        with self._lock:
            calls = tuple(self._calls)
        senders = [c for c in calls if (since := c.receiving_since) is not None and since <= latest]
        readers = [c for c in calls if (since := c.sending_since) is not None and since <= latest]
        for call in (*senders, *readers):
            call.receiving_since = call.sending_since = None
            call.cancel()
        self.slow_senders += len(senders)
        self.slow_readers += len(readers)

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.cancel_slow()
