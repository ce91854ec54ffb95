"""Leases in memory that several use cases share, as processes share a server's."""

from __future__ import annotations

import asyncio
import secrets

from decision_service.domain.errors import RequestInProgress
from decision_service.domain.ports import Lease, StoredEntry
from tests.fakes.in_memory import InMemoryDecisionLog


class InMemoryLeases:
    """The `Leases` of a log in memory; `expire` does to every holder what time does to a dead one.

    Time stands still: whoever waits does so for as many turns of the loop as seconds are given.
    """

    def __init__(self, log: InMemoryDecisionLog) -> None:
        self._log = log

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        key = (caller, request_id)
        for _ in range(max(int(seconds), 0) + 1):
            stored = (await self._log.look_up(*key)).entry
            if stored is not None:
                return stored
            if key not in self._log.fences:
                self._log.fences[key] = secrets.token_hex(8)
                return Lease(*key, self._log.fences[key])
            await asyncio.sleep(0)
        raise RequestInProgress("still being decided", retry_after=1.0)

    def release(self, lease: Lease) -> None:
        key = (lease.caller, lease.request_id)
        if self._log.fences.get(key) == lease.fence:
            del self._log.fences[key]

    def expire(self) -> None:
        self._log.fences.clear()
