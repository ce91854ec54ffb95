"""Handles recorded events one after the other, and sweeps for those that never came."""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog

from decision_service.domain.errors import ServiceError
from decision_service.pipeline.events import Event, EventLog
from decision_service.pipeline.refresh import Handled, RefreshApplicants
from decision_service.pipeline.warm_ports import WarmLog

BATCH = 100
RETRY_SECONDS = 5.0
SWEEP_SECONDS = 900.0
SWEEP_PACE = 1.0
"""Seconds between two users of a sweep: at most one request a second is spent on it."""

log = structlog.get_logger("decision_service.events")


class EventWorker:
    """Works through what was received; an event that cannot be handled now is tried again.

    `counts` are by what came of events. One at a time: the vendor's request limit is for decisions.
    """

    def __init__(self, events: EventLog, refresh: RefreshApplicants) -> None:
        self._events = events
        self._refresh = refresh
        self._told = asyncio.Event()
        self.counts: Counter[Handled] = Counter()

    def tell(self) -> None:
        """Something was received."""
        self._told.set()

    async def run(self) -> None:
        """Until cancelled; what an earlier process left undone comes first."""
        while True:
            self._told.clear()
            if await self.drain():
                await self._told.wait()
            else:
                await asyncio.sleep(RETRY_SECONDS)

    async def drain(self) -> bool:
        """Handle everything that is pending; False where something has to be tried again."""
        try:
            while pending := await self._events.pending(BATCH):
                handled = [await self._handle(event) for event in pending]
                if not all(handled):
                    return False
        except ServiceError as error:
            log.warning("events.not_read", reason=error.reason)
            return False
        return True

    async def _handle(self, event: Event) -> bool:
        try:
            outcome = await self._refresh.handle(event)
            await self._events.done(event.id)
        except ServiceError as error:
            log.warning("events.again", type=event.type, reason=error.reason)
            return False
        self.counts[outcome] += 1
        if outcome is Handled.NOT_CONFIRMED:
            log.error(
                "events.revocation_not_confirmed",
                alarm="REVOCATION_NOT_CONFIRMED",
                type=event.type,
            )
        return True


async def sweep(users: WarmLog, refresh: RefreshApplicants, pace: float = SWEEP_PACE) -> int:
    """Look at every user's accounts once, slowly; how many could be looked at."""
    after, looked = "", 0
    while found := await users.read_users(after, BATCH):
        for user_id in found:
            try:
                await refresh.sweep(user_id)
                looked += 1
            except ServiceError as error:
                log.warning("sweep.skipped", reason=error.reason)
            await asyncio.sleep(pace)
        after = found[-1]
    return looked
