"""The calls that are open: their bounds, and the end of those whose client keeps them waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from decision_service.edge.rpc.call_group import CallGroup
from decision_service.edge.rpc.context import CLIENT_SECONDS, RpcContext

LOOK_SECONDS = 1.0
UNSENT_SECONDS = 0.25
"""How long a message may be on its way while others need the place of its call."""

HEALTH_CALLS = 256
UNAUTHENTICATED_CALLS = 32


class OpenCalls:
    """Calls in three groups, entered and left on any thread.

    `known` are those of known callers, at most `limit`, of one address at most three quarters of
    it. `health` are calls that need no credentials, `unauthenticated` those that have none and are
    about to be refused: of one address at most half. Where a group has no place for a call, the one
    in it whose message has been missing longest is cancelled.

    `slow_senders` counts calls that were cancelled because their message did not come,
    `slow_readers` those whose reply was not read within CLIENT_SECONDS.
    """

    def __init__(self, limit: int, seconds: Callable[[], float]) -> None:
        self.known = CallGroup(limit, max(1, limit * 3 // 4))
        self.health = CallGroup(HEALTH_CALLS, HEALTH_CALLS)
        self.unauthenticated = CallGroup(UNAUTHENTICATED_CALLS, UNAUTHENTICATED_CALLS // 2)
        self.slow_senders = self.slow_readers = 0
        self._seconds = seconds
        self._calls: dict[RpcContext, CallGroup] = {}
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        """How many calls are open."""
        return len(self._calls)

    @property
    def most(self) -> int:
        """How many calls all groups hold."""
        return self.known.limit + self.health.limit + self.unauthenticated.limit

    def enter(self, call: RpcContext, group: CallGroup) -> bool:
        """Count a call whose message is to come, but an unauthenticated one's; False if refused."""
        now = self._seconds()
        with self._lock:
            unsent = None
            if not group.has_place(call.address):
                unsent = group.longest_unsent(call.address, now - UNSENT_SECONDS)
                if unsent is None:
                    group.refused += 1
                    return False
                group.received(unsent)
            if group is not self.unauthenticated:
                call.receiving_since = now
            self._calls[call] = group
            group.add(call, awaits_message=call.receiving_since is not None)
        if unsent is not None:
            self._cancel_sender(unsent)
        return True

    def received(self, call: RpcContext) -> None:
        """The call's message has come."""
        call.receiving_since = None
        with self._lock:
            group = self._calls.get(call)
            if group is not None:
                group.received(call)

    def sending(self, call: RpcContext) -> None:
        """The call's reply is about to be sent."""
        call.sending_since = self._seconds()

    def leave(self, call: RpcContext) -> None:
        """The call is over."""
        with self._lock:
            group = self._calls.pop(call, None)
            if group is not None:
                group.remove(call)

    def cancel_slow(self) -> None:
        """Cancel the calls that have waited for their client for CLIENT_SECONDS."""
        latest = self._seconds() - CLIENT_SECONDS
        with self._lock:
            calls = tuple(self._calls)
        for call in calls:
            if (since := call.receiving_since) is not None and since <= latest:
                self._cancel_sender(call)
            elif (since := call.sending_since) is not None and since <= latest:
                call.sending_since = None
                call.cancel()
                self.slow_readers += 1

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.cancel_slow()

    def _cancel_sender(self, call: RpcContext) -> None:
        call.receiving_since = None
        call.cancel()
        self.slow_senders += 1
