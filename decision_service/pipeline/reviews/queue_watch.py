"""The queues as they stood a moment ago, for metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from decision_service.domain.errors import StoreError
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.reviews.ports import QueueCount, ReviewLog

SECONDS = 15.0

log = structlog.get_logger("decision_service.reviews")


class QueueWatch:
    """Counts the unfinished reviews every 15 seconds."""

    def __init__(self, reviews: ReviewLog, clock: Clock) -> None:
        self._reviews = reviews
        self.clock = clock
        self.counts: Sequence[QueueCount] = ()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(SECONDS)

    async def look(self) -> None:
        """Count once; where the store cannot be read, the last counts stay."""
        try:
            self.counts = await self._reviews.queues(self.clock.now())
        except StoreError as error:
            log.warning("reviews.not_counted", reason=error.reason)
