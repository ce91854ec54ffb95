"""One lane of events, one user after the other, and who hears that data has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

import structlog
from prometheus_client import Counter

from decision_service.alarms import Alarm, raised
from decision_service.domain.errors import ServiceError
from decision_service.domain.kinds import Kind
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.snapshots.events import Event, EventAction, EventLog
from decision_service.pipeline.snapshots.patience import is_over, next_reading
from decision_service.pipeline.snapshots.refresh import EventResult, RefreshApplicants

BATCH = 100
MOST_STUCK = 1000
"""How many events that cannot be handled now are passed over, so that others are reached."""

RETRY_SECONDS = 5.0
POSTPONED, LATE, GIVEN_UP = "postponed", "arrived_late", "given_up"
"""Outcomes of events whose data was not whole at first: at first, and one of the others later."""

log = structlog.get_logger("decision_service.events")


class ArrivalListener(Protocol):
    """Hears of users whose data has arrived, by kinds; no kinds stand for any.

    Where a method raises a ServiceError the events are handled again.
    """

    async def arrived(self, user_id: str, kinds: Collection[Kind]) -> None:
        """The data was read, and is whole."""

    async def never_whole(self, user_id: str, kinds: Collection[Kind]) -> None:
        """The data was not whole for as long as it is read again."""


class NullListener:
    """The `ArrivalListener` where nobody waits for data."""

    async def arrived(self, user_id: str, kinds: Collection[Kind]) -> None:
        """Do nothing."""

    async def never_whole(self, user_id: str, kinds: Collection[Kind]) -> None:
        """Do nothing."""


class EventLane:
    """Withdrawals, or the other events.

    Events whose data is not whole are postponed. Before a later reading they are postponed again:
    of several processes one reads, and what a killed one began is begun again.
    """

    def __init__(
        self,
        events: EventLog,
        refresh: RefreshApplicants,
        clock: Clock,
        handled: Counter,
        look: float,
        *,
        withdrawals: bool,
    ) -> None:
        self.wake = asyncio.Event()
        self.listener: ArrivalListener = NullListener()
        self._look = look
        self._events = events
        self._refresh = refresh
        self._clock = clock
        self._handled = handled
        self._withdrawals = withdrawals

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.wake.clear()
            if not await self.drain():
                await asyncio.sleep(RETRY_SECONDS)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), self._look)

    async def drain(self) -> bool:
        """Handle everything that is due; False where something failed and is tried again."""
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
        limit, now = BATCH + len(stuck), self._clock.now()
        pending = await self._events.pending(limit, now, withdrawals=self._withdrawals)
        return [event for event in pending if event.id not in stuck]

    async def _handle(self, user_id: str, events: Sequence[Event]) -> bool:
        """Handle the events of one user; False where that failed."""
        since = not_whole_since(events)
        try:
            if since is None or await self._postpone(events, since):
                await self._read(user_id, events, since)
        except ServiceError as error:
            log.warning("events.again", type=events[0].type, reason=error.reason)
            return False
        return True

    async def _read(self, user_id: str, events: Sequence[Event], since: datetime | None) -> None:
        outcome = await self._refresh.handle(user_id, events)
        now = self._clock.now()
        if outcome is not EventResult.NOT_WHOLE or (since is not None and is_over(since, now)):
            await self._finish(user_id, events, outcome, late=since is not None)
        elif since is None:
            await self._postpone(events, now)
            new = [event for event in events if event.postponed is None]
            self._handled.labels(POSTPONED).inc(len(new))

    async def _finish(
        self, user_id: str, events: Sequence[Event], outcome: EventResult, *, late: bool
    ) -> None:
        """Tell who waits, then mark the events as done: after a kill both are done again."""
        if outcome is EventResult.REFRESHED:
            await self.listener.arrived(user_id, arrived_kinds(events))
        if outcome is EventResult.NOT_WHOLE:
            await self.listener.never_whole(user_id, arrived_kinds(events))
        await self._events.done([event.id for event in events])
        self._count(events, outcome, late=late)

    async def _postpone(self, events: Sequence[Event], since: datetime) -> bool:
        now, ids = self._clock.now(), [event.id for event in events]
        return await self._events.postpone(ids, now, since, next_reading(since, now))

    def _count(self, events: Sequence[Event], outcome: EventResult, *, late: bool) -> None:
        given_up = outcome is EventResult.NOT_WHOLE
        label = GIVEN_UP if given_up else LATE if late else outcome.value
        self._handled.labels(label).inc(len(events))
        if given_up:
            log.warning("events.given_up", type=events[0].type)
        if outcome is EventResult.NOT_CONFIRMED:
            log.error(
                "events.revocation_not_confirmed",
                alarm=raised(Alarm.REVOCATION_NOT_CONFIRMED),
                type=events[0].type,
            )


def not_whole_since(events: Sequence[Event]) -> datetime | None:
    """When the newest of these was first read and not whole; None where one was never read."""
    postponed = [event.postponed for event in events if event.postponed is not None]
    return max(postponed) if len(postponed) == len(events) else None


def arrived_kinds(events: Sequence[Event]) -> Collection[Kind]:
    """The kinds that these events say have arrived; none where one of them does not say."""
    arrived = [event for event in events if event.meaning is EventAction.ARRIVED]
    if not all(event.kinds for event in arrived):
        return ()
    return {kind for event in arrived for kind in event.kinds}
