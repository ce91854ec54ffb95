"""The EventService: events from a cursor on, and those that receivers did not take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from decision_service.api.v1 import event_service_pb2 as pb
from decision_service.domain.ports import Clock
from decision_service.outbox.events import EventFilter, EventNumber, EventPage, EventType
from decision_service.server.transport.context import RpcContext
from decision_service.server.transport.page_tokens import make_token, page_size, read_token
from decision_service.server.transport.wire import Mapper, Problems
from decision_service.store.outbox import Outbox

SERVICE = pb.DESCRIPTOR.services_by_name["EventService"]
LONGEST_WAIT = 30
_SPARE_SECONDS = 1.0
"""Of a call's deadline, for the answer after the wait."""

POLL_SECONDS = 0.25
"""How often all who wait for events look together whether there are more."""

EVENTS = Mapper({pb.Event: {"create_time": "made"}})


def asked_from(request: pb.ListEventsRequest, scope: str) -> tuple[EventFilter, float]:
    """Which events, and for how many seconds one is waited for."""
    with Problems(request) as problems:
        seconds = request.wait.seconds + request.wait.nanos / 1e9
        if not 0 <= seconds <= LONGEST_WAIT:
            problems.add("wait", f"is {seconds:g} s: it must be 0 to {LONGEST_WAIT} seconds")
        for one in {*request.types}.difference(EventType):
            problems.add("types", f"has `{one}`: say some of {', '.join(EventType)}")
    return EventFilter(scope, tuple(request.types)), seconds


class Follow:
    """Reads events, and waits where there are none; all who wait look together.

    The wait ends once this process is `stopping`.
    """

    def __init__(self, log: Outbox, stopping: Callable[[], bool] = lambda: False) -> None:
        self._log = log
        self._stopping = stopping
        self._looking: asyncio.Task[int] | None = None

    async def list(self, after: int, chosen: EventFilter, limit: int, seconds: float) -> EventPage:
        """A page; an empty one, from which to go on, only after so many seconds."""
        now = asyncio.get_running_loop().time
        until = now() + seconds
        last = await self._log.end()
        page = await self._log.page(after, last, chosen, limit)
        while not page.events and now() < until and not self._stopping():
            if page.last < last:
                page = await self._log.page(page.last, last, chosen, limit)
                continue
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
            last = await asyncio.shield(self._looking)
        return page

    async def _look(self) -> int:
        await asyncio.sleep(POLL_SECONDS)
        return await self._log.end()


class EventServicer(msgspec.Struct, frozen=True):
    log: Outbox
    follow: Follow
    clock: Clock

    async def list_events(
        self, request: pb.ListEventsRequest, context: RpcContext
    ) -> pb.ListEventsResponse:
        chosen, seconds = asked_from(request, context.info.scope)
        store = await self.log.store_id()
        after = read_token(store, request.cursor, EventNumber, field="cursor") or 0
        left = context.time_remaining()
        seconds = min(seconds, (context.info.seconds if left is None else left) - _SPARE_SECONDS)
        page = await self.follow.list(after, chosen, page_size(request.page_size), seconds)
        events = [EVENTS.message(pb.Event, one) for one in page.events]
        return pb.ListEventsResponse(events=events, next_cursor=make_token(store, page.last))

    async def list_dead_events(
        self, request: pb.ListDeadEventsRequest, _: RpcContext
    ) -> pb.ListDeadEventsResponse:
        Problems(request).raise_if_any()
        size = page_size(request.page_size)
        store = await self.log.store_id()
        after = read_token(store, request.page_token, tuple[str, EventNumber]) or ("", 0)
        found = await self.log.dead(after, size)
        last = found[-1] if len(found) == size else None
        return pb.ListDeadEventsResponse(
            dead_events=[EVENTS.message(pb.DeadEvent, one) for one in found],
            next_page_token=make_token(store, last and (last.subscription, last.event.sequence)),
        )

    async def resend_event(
        self, request: pb.ResendEventRequest, _: RpcContext
    ) -> pb.ResendEventResponse:
        receivers = await self.log.resend(request.event_id, self.clock.now())
        return pb.ResendEventResponse(receivers=receivers)
