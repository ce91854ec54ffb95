"""Readings in the background: after events, one user after the other, and in a sweep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from decision_service.decide.codec import read_snapshot, snapshot_body
from decision_service.decide.events import (
    EVERYTHING,
    Event,
    EventAction,
    EventLog,
    Increment,
    applied,
    change_of,
    plan_of,
)
from decision_service.decide.gather import disconnected, gives, is_withdrawn, last_reading, unlisted
from decision_service.decide.snapshots import (
    WarmLog,
    covers,
    gained,
    is_over,
    is_settled,
    is_whole,
    next_reading,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import (
    DataNotReady,
    ServiceError,
    UpstreamUnavailable,
    UserUnknown,
)
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.ports import Clock, FetchResult, SnapshotSource, UserState, WarmMark
from decision_service.domain.snapshot import Account, Provider, Snapshot
from decision_service.domain.values import AsOf
from decision_service.factors.compute import fetch_plan
from decision_service.factors.pay_watches import watched
from decision_service.rulebook.rulebook import Rulebook
from decision_service.runtime.telemetry import Alarm, counter, raised

SECONDS = 30.0
"""How long one reading in the background may take."""

# Half of the time that a reading serves by default: what changed without an event is found by
# then, and what is warm stays warm.
MOST_PATCHED = timedelta(hours=12)
"""How old the oldest part of a reading may be for a change to be read into it."""

_MODES = (WhenTransactions.NEVER, WhenTransactions.IF_STANDING_IN, WhenTransactions.ALWAYS)

BATCH = 100
MOST_STUCK = 1000
"""How many events that cannot be handled now are passed over, so that others are reached."""

RETRY_SECONDS = 5.0
POSTPONED = "postponed"
LATE = "arrived_late"
GIVEN_UP = "given_up"
"""Outcomes of events whose data was not whole at first: at first, and one of the others later."""

log = structlog.get_logger("decision_service.events")

LOOK_SECONDS = 30.0
"""How often a process looks for events that are due again, or that another one left."""

SWEEP_SECONDS = 900.0
SWEEP_PACE = 1.0
"""Seconds between two users of a sweep: at most one request a second is spent on it."""

SWEPT = 100
"""How many users a sweep lists at once."""


class EventResult(StrEnum):
    """The result of events; NOT_CONFIRMED is a withdrawal that the vendor's list does not show.

    NOT_WHOLE is data that was read, and that no decision may use as it is. Where nothing is stored
    there is nothing to confirm: a withdrawal is NOTED.
    """

    NOTED = "noted"
    REFRESHED = "refreshed"
    NOT_WHOLE = "not_whole"
    ERASED = "erased"
    NOT_CONFIRMED = "not_confirmed"


class RefreshApplicants(msgspec.Struct, frozen=True, eq=False):
    """Keeps warm readings equal to the vendor's data; an event is a reason to read, never data.

    Every method raises UpstreamUnavailable, UpstreamBudgetExhausted, DeadlineMissed and
    StoreUnavailable; calling again later is safe.
    """

    source: SnapshotSource
    log: WarmLog
    rulebook: Callable[[], Rulebook]
    clock: Clock

    async def handle(self, user_id: str, events: Sequence[Event]) -> EventResult:
        withdrawn = {event.source for event in events if event.meaning is EventAction.REVOKED}
        if withdrawn:
            if await self.confirm(user_id, withdrawn):
                return EventResult.ERASED
            held = await self.log.user_state(user_id)
            return EventResult.NOT_CONFIRMED if held.counts or held.last else EventResult.NOTED
        arrived = [event for event in events if event.meaning is EventAction.ARRIVED]
        if not arrived:
            return EventResult.NOTED
        return await self.refresh(user_id, change_of(arrived))

    async def confirm(self, user_id: str, named: Collection[str] = ()) -> bool:
        """Erase a user's data where the vendor confirms that consent was withdrawn; True then."""
        user_state = await self.log.user_state(user_id)
        now = await self._accounts(user_id)
        last = await last_reading(self.log, user_id, user_state)
        # The event is a question: nothing is erased that the vendor does not confirm (0103).
        gone = is_withdrawn(user_state, last.accounts if last else (), now, named=named)
        # No list names archives: only a reading shows that one gives nothing any more.
        if gone or await self._stopped(user_id, user_state, unlisted(user_state, named)):
            await self.log.erase(user_id, disconnected(now, self.clock.now()))
            return True
        return False

    async def refresh(self, user_id: str, change: Increment = EVERYTHING) -> EventResult:
        """REFRESHED where a reading serves, else NOT_WHOLE; NOTED of an unknown user."""
        user_state = await self.log.user_state(user_id)
        try:
            serves = await self._patched(user_id, user_state, change) or await self._read(
                user_id, user_state
            )
        except DataNotReady:
            serves = False
        except UserUnknown:
            return EventResult.NOTED
        return EventResult.REFRESHED if serves else EventResult.NOT_WHOLE

    async def sweep(self, user_id: str) -> frozenset[Kind]:
        """The kinds of which whole data was read that was not there before."""
        user_state = await self.log.user_state(user_id)
        now = await self._accounts(user_id)
        before = await last_reading(self.log, user_id, user_state)
        read = before.accounts if before else ()
        if is_withdrawn(user_state, read, now):
            await self.log.erase(user_id, disconnected(now, self.clock.now()))
        elif user_state.warm is not None and now == read:
            await self.log.looked(user_id, user_state.warm.snapshot_id, self.clock.now())
        elif user_state.last is not None:
            return await self._caught_up(user_id, before)
        return frozenset()

    async def _caught_up(self, user_id: str, before: Snapshot | None) -> frozenset[Kind]:
        if await self.refresh(user_id) is not EventResult.REFRESHED or before is None:
            return frozenset()
        after = await last_reading(self.log, user_id, await self.log.user_state(user_id))
        return frozenset() if after is None else gained(before, after)

    async def _patched(self, user_id: str, user_state: UserState, change: Increment) -> bool:
        """Merge the change into the warm reading; False where everything must be read."""
        mark = user_state.warm
        now = self.clock.now()
        if mark is None or not change.kinds or now - mark.oldest > MOST_PATCHED:
            return False
        stored = await self.log.snapshot(user_id, mark.snapshot_id)
        if stored is None or not covers(mark.plan, broadest(self.rulebook(), now)):
            return False
        old = read_snapshot(stored)
        plan = plan_of(change, mark.plan, old)
        fetch_result = await self._gather(user_id, plan, user_state)
        whole = applied(old, fetch_result.snapshot, plan, change=change)
        if whole is None:
            return False
        if Kind.INCOMES in plan.kinds:
            whole = watched(whole, old)
        return await self._keep(
            replace(fetch_result, snapshot=whole), mark.plan, user_state, oldest=mark.oldest
        )

    async def _read(self, user_id: str, user_state: UserState) -> bool:
        wanted = broadest(self.rulebook(), self.clock.now())
        fetch_result = await self._gather(user_id, wanted, user_state)
        before = await last_reading(self.log, user_id, user_state)
        whole = watched(fetch_result.snapshot, before)
        return await self._keep(replace(fetch_result, snapshot=whole), wanted, user_state)

    async def _keep(
        self,
        fetch_result: FetchResult,
        plan: FetchPlan,
        user_state: UserState,
        oldest: datetime | None = None,
    ) -> bool:
        if not is_settled(fetch_result.snapshot):
            return False
        # On a thread: to pack a long history takes milliseconds, in which no call is served.
        body = await asyncio.to_thread(snapshot_body, fetch_result.snapshot)
        fetched = fetch_result.fetched
        mark = WarmMark(body.id, fetched, fetched, plan=plan, oldest=oldest or fetched)
        if await self.log.keep_warm(body, mark, user_state.consent):
            return True
        # Refused where another process kept a newer one meanwhile: that one serves as well.
        newest = (await self.log.user_state(body.user_id)).warm
        return newest is not None and newest.fetched >= fetched

    async def _accounts(self, user_id: str) -> tuple[Account, ...] | None:
        try:
            return await self.source.accounts(user_id, self.clock.monotonic() + SECONDS)
        except UserUnknown:
            return None

    async def _stopped(self, user_id: str, user_state: UserState, sources: Collection[str]) -> bool:
        """Whether one of these, which no list of accounts names, gives nothing any more."""
        if not sources:
            return False
        wanted = broadest(self.rulebook(), self.clock.now())
        snapshot = (await self._gather(user_id, wanted, user_state)).snapshot
        # A list that could not be read shows nothing of an archive that it lacks.
        if not is_whole(snapshot):
            raise UpstreamUnavailable("Smile could not say whether an archive was withdrawn")
        return bool(set(sources) - gives(snapshot))

    async def _gather(self, user_id: str, plan: FetchPlan, user_state: UserState) -> FetchResult:
        now = self.clock.monotonic()
        return await self.source.gather(
            user_id,
            plan,
            as_of=self.clock.now(),
            stop_at=now + SECONDS,
            # No sync is waited for: its end is an event, after which the data is read again.
            wait_until=now,
            known=user_state.known,
            fallback=_provider_types(self.rulebook()),
        )


def broadest(rulebook: Rulebook, now: datetime) -> FetchPlan:
    """One plan that covers what every loaded ruleset needs."""
    # Any version may decide the user next, and finds warm what it needs.
    plans = [
        fetch_plan(ruleset.needs, AsOf.at(now, ruleset.zone))
        for product in rulebook.products.values()
        for ruleset in product.versions.values()
    ]
    return FetchPlan(
        kinds=frozenset(kind for plan in plans for kind in plan.kinds),
        transactions=max((plan.transactions for plan in plans), key=_MODES.index),
        transactions_from=_earliest(plan.transactions_from for plan in plans),
        stand_in_from=_earliest(plan.stand_in_from for plan in plans),
        people=any(plan.people for plan in plans),
    )


def _earliest(days: Iterable[date | None]) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _provider_types(rulebook: Rulebook) -> dict[str, Provider]:
    found: dict[str, Provider] = {}
    for product in rulebook.products.values():
        found.update(product.champion.needs.policy.provider_types)
    return found


class ArrivalListener(Protocol):
    """Hears of users whose data has arrived, by kinds; no kinds mean any.

    Where a method raises a ServiceError the events are handled again.
    """

    async def arrived(self, user_id: str, kinds: Collection[Kind]) -> None:
        """The data was read, and is whole."""

    async def never_whole(self, user_id: str, kinds: Collection[Kind]) -> None:
        """The data was not whole for as long as it is read again."""


class EventWorker:
    """Works through what was received; an event that cannot be handled now is tried again.

    Withdrawals are handled apart from the other events, of either one user at a time. Events whose
    data is not whole are postponed. The `listener` hears of each user whose changed data was read,
    before the events are done.
    """

    def __init__(
        self,
        events: EventLog,
        refresh: RefreshApplicants,
        clock: Clock,
        registry: CollectorRegistry | None = None,
        look: float = LOOK_SECONDS,
    ) -> None:
        self.listener: ArrivalListener | None = None
        self._events = events
        self._refresh = refresh
        self._clock = clock
        self._look = look
        self._handled = counter(
            registry, "events_handled", "Events by what came of them", labels=("outcome",)
        )
        self._wakes = [asyncio.Event(), asyncio.Event()]

    def notify(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def run(self) -> None:
        """Until cancelled; what an earlier process left undone comes first."""
        async with asyncio.TaskGroup() as tasks:
            # Apart, so that no reading of other events holds a withdrawal up.
            for wake, withdrawals in zip(self._wakes, (True, False), strict=True):
                tasks.create_task(self._run(wake, withdrawals=withdrawals))

    async def drain(self) -> bool:
        """Handle everything that is due; False where something failed and is tried again."""
        # A list, since a generator would leave the others out when the first has failed.
        return all([await self._drain(withdrawals=which) for which in (True, False)])

    async def _run(self, wake: asyncio.Event, *, withdrawals: bool) -> None:
        while True:
            # Before the look: an event that comes during it ends the wait that follows.
            wake.clear()
            if not await self._drain(withdrawals=withdrawals):
                await asyncio.sleep(RETRY_SECONDS)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), self._look)

    async def _drain(self, *, withdrawals: bool) -> bool:
        stuck: set[str] = set()
        while len(stuck) < MOST_STUCK:
            # The oldest come first: without the addition the stuck ones would fill the list.
            limit = BATCH + len(stuck)
            now = self._clock.now()
            try:
                pending = await self._events.pending(limit, now, withdrawals=withdrawals)
            except ServiceError as error:
                log.warning("events.not_read", reason=error.reason)
                return False
            waiting = [event for event in pending if event.id not in stuck]
            if not waiting:
                break
            # One user at a time: the vendor's request limit is for decisions.
            user_id = waiting[0].user_id
            together = [event for event in waiting if event.user_id == user_id]
            if not await self._handle(user_id, together):
                stuck.update(event.id for event in together)
        return not stuck

    async def _handle(self, user_id: str, events: Sequence[Event]) -> bool:
        since = not_whole_since(events)
        try:
            # Postponed again before the reading: of several processes one reads, and what a
            # killed one began is begun again.
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
        # The listener first, so that after a kill in between both are done again.
        if self.listener and outcome is EventResult.REFRESHED:
            await self.listener.arrived(user_id, arrived_kinds(events))
        if self.listener and outcome is EventResult.NOT_WHOLE:
            await self.listener.never_whole(user_id, arrived_kinds(events))
        await self._events.done([event.id for event in events])
        self._count(events, outcome, late=late)

    async def _postpone(self, events: Sequence[Event], since: datetime) -> bool:
        now = self._clock.now()
        ids = [event.id for event in events]
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
    # A new event begins the time of all the user's events anew (0101).
    return max(postponed) if len(postponed) == len(events) else None


def arrived_kinds(events: Sequence[Event]) -> Collection[Kind]:
    """The kinds that these events say have arrived; none where one of them does not say."""
    arrived = [event for event in events if event.meaning is EventAction.ARRIVED]
    if not all(event.kinds for event in arrived):
        return ()
    return {kind for event in arrived for kind in event.kinds}


async def sweep(
    users: WarmLog,
    refresh: RefreshApplicants,
    listener: ArrivalListener | None,
    pace: float = SWEEP_PACE,
) -> int:
    """How many could be looked at; whole data that was not there before has arrived."""
    after = ""
    looked = 0
    while found := await users.read_users(after, SWEPT):
        for user_id in found:
            try:
                kinds = await refresh.sweep(user_id)
                if kinds and listener:
                    await listener.arrived(user_id, kinds)
                looked += 1
            except ServiceError as error:
                log.warning("sweep.skipped", reason=error.reason)
            await asyncio.sleep(pace)
        after = found[-1]
    return looked
