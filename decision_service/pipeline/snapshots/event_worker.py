"""Handles recorded events, those of one user together, and sweeps for those that never came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

import structlog
from prometheus_client import CollectorRegistry, Counter

from decision_service.alarms import Alarm, raised
from decision_service.domain.errors import ServiceError
from decision_service.domain.kinds import Kind
from decision_service.instruments import counter
from decision_service.pipeline.snapshots.events import Event, EventAction, EventLog
from decision_service.pipeline.snapshots.ports import WarmLog
from decision_service.pipeline.snapshots.refresh import EventResult, RefreshApplicants

BATCH = 100
MOST_STUCK = 1000
"""How many events that cannot be handled now are passed over, so that others are reached."""

RETRY_SECONDS = 5.0
LOOK_SECONDS = 30.0
"""How often a process looks for events that another one received and left."""

SWEEP_SECONDS = 900.0
SWEEP_PACE = 1.0
"""Seconds between two users of a sweep: at most one request a second is spent on it."""

log = structlog.get_logger("decision_service.events")


OnArrival = Callable[[str, Collection[Kind]], Awaitable[None]]
"""Called with a user and the kinds of data that have arrived; no kinds stand for any."""


async def _no_op(_: str, __: Collection[Kind]) -> None:
    """Nobody waits for data."""


def arrived_kinds(events: Sequence[Event]) -> Collection[Kind]:
    """The kinds that these events say have arrived; none where one of them does not say."""
    arrived = [event for event in events if event.meaning is EventAction.ARRIVED]
    if not all(event.kinds for event in arrived):
        return ()
    return {kind for event in arrived for kind in event.kinds}


class EventWorker:
    """Works through what was received; an event that cannot be handled now is tried again.

    Withdrawals have a lane of their own, so that no reading holds them up. In each lane one user
    at a time: the vendor's request limit is for decisions.
    """

    def __init__(
        self,
        events: EventLog,
        refresh: RefreshApplicants,
        registry: CollectorRegistry | None = None,
        look: float = LOOK_SECONDS,
    ) -> None:
        handled = counter(registry, "events_handled", "Events by what came of them", "outcome")
        self._lanes = [
            _Lane(events, refresh, handled, look, withdrawals=which) for which in (True, False)
        ]

    def on_arrival(self, call: OnArrival) -> None:
        """Call this with each user whose changed data was read, and the kinds.

        The events are done after it; where it raises a ServiceError they are handled again.
        """
        for lane in self._lanes:
            lane.on_arrival = call

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
        """Handle everything that is pending; False where something has to be tried again."""
        return all([await lane.drain() for lane in self._lanes])


class _Lane:
    """Withdrawals, or the other events, one user after the other."""

    def __init__(
        self,
        events: EventLog,
        refresh: RefreshApplicants,
        handled: Counter,
        look: float,
        *,
        withdrawals: bool,
    ) -> None:
        self.wake = asyncio.Event()
        self._look = look
        self._events = events
        self._refresh = refresh
        self._handled = handled
        self._withdrawals = withdrawals
        self.on_arrival: OnArrival = _no_op

    async def run(self) -> None:
        while True:
            self.wake.clear()
            if not await self.drain():
                await asyncio.sleep(RETRY_SECONDS)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), self._look)

    async def drain(self) -> bool:
        stuck: set[str] = set()
        while len(stuck) < MOST_STUCK:
            try:
                waiting = await self._waiting(stuck)
            except ServiceError as error:
                log.warning("events.not_read", reason=error.reason)
                return False
            if not waiting:
                break
            user_id = waiting[0].user_id
            together = [event for event in waiting if event.user_id == user_id]
            if not await self._handle(user_id, together):
                stuck.update(event.id for event in together)
        return not stuck

    async def _waiting(self, stuck: set[str]) -> Sequence[Event]:
        limit = BATCH + len(stuck)
        pending = await self._events.pending(limit, withdrawals=self._withdrawals)
        return [event for event in pending if event.id not in stuck]

    async def _handle(self, user_id: str, events: Sequence[Event]) -> bool:
        try:
            outcome = await self._refresh.handle(user_id, events)
            if outcome is EventResult.REFRESHED:
                await self.on_arrival(user_id, arrived_kinds(events))
            await self._events.done([event.id for event in events])
        except ServiceError as error:
            log.warning("events.again", type=events[0].type, reason=error.reason)
            return False
        self._handled.labels(outcome.value).inc(len(events))
        if outcome is EventResult.NOT_CONFIRMED:
            log.error(
                "events.revocation_not_confirmed",
                alarm=raised(Alarm.REVOCATION_NOT_CONFIRMED),
                type=events[0].type,
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
