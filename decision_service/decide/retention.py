"""Deletion of decisions after so many months, with the data that no other decision needs."""

from __future__ import annotations

import asyncio
import calendar
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
import structlog

from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock

EVERY_SECONDS = 3600.0
FIRST_SECONDS = 60.0
"""Seconds from the start to the first deletion, in which the vendor's clock becomes known."""

BATCH = 200
PAUSE_SECONDS = 0.1
"""Seconds between two batches, so that commits hardly wait."""

log = structlog.get_logger("decision_service.retention")


class Retention(msgspec.Struct, frozen=True, eq=False):
    """Deletes by the store's `expire` and `forget_ended`.

    `confirmed` says whether the clock is: what a wrong one calls old may be young.
    """

    expire: Callable[[datetime, int], Awaitable[int]]
    forget_ended: Callable[[datetime], Awaitable[None]]
    clock: Clock
    months: int
    confirmed: Callable[[], bool]

    async def run(self) -> None:
        """Delete once the vendor has had time to answer, then every hour, until cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                deleted = await self.once()
                if deleted:
                    log.info("retention", deleted=deleted, months=self.months)
            except StoreError as error:
                log.warning("retention.later", reason=error.reason)
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self, pause: float = PAUSE_SECONDS) -> int:
        """How many; none while the vendor does not confirm the clock."""
        if not self.confirmed():
            log.warning("retention waits for the vendor to confirm the clock")
            return 0
        await self.forget_ended(self.clock.now())
        before, deleted = months_before(self.clock.now(), self.months), 0
        while count := await self.expire(before, BATCH):
            deleted += count
            await asyncio.sleep(pause)
        return deleted


def months_before(instant: datetime, months: int) -> datetime:
    """The same day and time so many months earlier, or the last day of that month."""
    month = instant.year * 12 + instant.month - 1 - months
    year, number = month // 12, month % 12 + 1
    day = min(instant.day, calendar.monthrange(year, number)[1])
    return instant.replace(year=year, month=number, day=day)
