"""Handles recorded events, those of one user together, and sweeps for those that never came."""

from __future__ import annotations

import asyncio

import structlog
from prometheus_client import CollectorRegistry

from decision_service.domain.errors import ServiceError
from decision_service.instruments import counter
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.snapshots.event_lane import ArrivalListener, EventLane
from decision_service.pipeline.snapshots.events import EventLog
from decision_service.pipeline.snapshots.ports import WarmLog
from decision_service.pipeline.snapshots.refresh import RefreshApplicants

LOOK_SECONDS = 30.0
"""How often a process looks for events that are due again, or that another one left."""

SWEEP_SECONDS = 900.0
SWEEP_PACE = 1.0
"""Seconds between two users of a sweep: at most one request a second is spent on it."""

SWEPT = 100
"""How many users a sweep lists at once."""

log = structlog.get_logger("decision_service.events")


class EventWorker:
    """Works through what was received; an event that cannot be handled now is tried again.

    Withdrawals have a lane of their own, so that no reading holds them up. In each lane one user
    at a time: the vendor's request limit is for decisions.
    """

    def __init__(
        self,
        events: EventLog,
        refresh: RefreshApplicants,
        clock: Clock,
        registry: CollectorRegistry | None = None,
        look: float = LOOK_SECONDS,
    ) -> None:
        handled = counter(registry, "events_handled", "Events by what came of them", "outcome")
        self._lanes = [
            EventLane(events, refresh, clock, handled, look, withdrawals=which)
            for which in (True, False)
        ]

    @property
    def listener(self) -> ArrivalListener:
        """Who is told."""
        return self._lanes[0].listener

    def on_arrival(self, listener: ArrivalListener) -> None:
        """Tell this of each user whose changed data was read, before the events are done."""
        for lane in self._lanes:
            lane.listener = listener

    def notify(self) -> None:
        """Wake the lanes: an event was recorded."""
        for lane in self._lanes:
            lane.wake.set()

    async def run(self) -> None:
        """Until cancelled; what an earlier process left undone comes first."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(lane.run())

    async def drain(self) -> bool:
        """Handle everything that is due; False where something failed and is tried again."""
        return all([await lane.drain() for lane in self._lanes])


async def sweep(
    users: WarmLog, refresh: RefreshApplicants, listener: ArrivalListener, pace: float = SWEEP_PACE
) -> int:
    """Look at every user's accounts once, slowly; how many could be looked at.

    Whole data that is read hereby, and was not there before, has arrived.
    """
    after, looked = "", 0
    while found := await users.read_users(after, SWEPT):
        for user_id in found:
            try:
                kinds = await refresh.sweep(user_id)
                if kinds:
                    await listener.arrived(user_id, kinds)
                looked += 1
            except ServiceError as error:
                log.warning("sweep.skipped", reason=error.reason)
            await asyncio.sleep(pace)
        after = found[-1]
    return looked
