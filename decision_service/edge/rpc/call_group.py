"""A group of open calls: its bound, and the share of it that one address may hold."""

from __future__ import annotations

from collections import Counter

from decision_service.edge.rpc.context import RpcContext


class CallGroup:
    """At most `limit` calls, of one address at most `share`; `refused` counts those beyond.

    Its caller holds a lock.
    """

    def __init__(self, limit: int, share: int) -> None:
        self.limit, self.share = limit, share
        self.refused = self._open = 0
        self._held: Counter[str] = Counter()
        self._unsent: dict[RpcContext, None] = {}

    def add(self, call: RpcContext, *, awaits_message: bool) -> None:
        """Hold a place for a call, whose message is to come unless it is not waited for."""
        self._open += 1
        self._held[call.address] += 1
        if awaits_message:
            self._unsent[call] = None

    def received(self, call: RpcContext) -> None:
        """The call's message has come, or is not waited for any longer."""
        self._unsent.pop(call, None)

    def remove(self, call: RpcContext) -> None:
        """The call is over."""
        self.received(call)
        self._open -= 1
        self._held[call.address] -= 1
        if not self._held[call.address]:
            del self._held[call.address]

    def has_place(self, address: str) -> bool:
        """Whether another call of this address may be open."""
        return self._open < self.limit and self._held[address] < self.share

    def longest_unsent(self, address: str, latest: float) -> RpcContext | None:
        """The call whose message has been waited for longest, since `latest` or before.

        Where the address has its share, one of its own.
        """
        own = self._held[address] >= self.share
        for call in self._unsent:
            since = call.receiving_since
            if since is not None and since > latest:
                return None
            if not own or call.address == address:
                return call
        return None
