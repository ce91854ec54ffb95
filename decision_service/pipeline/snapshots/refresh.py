"""Readings in the background: after events, and in a sweep for events that were lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from msgspec.structs import replace

from decision_service.domain.errors import DataNotReady, UpstreamUnavailable, UserUnknown
from decision_service.domain.kinds import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Account, Provider, Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.plan import fetch_plan
from decision_service.pipeline.ports import (
    Clock,
    Disconnected,
    Erased,
    FetchResult,
    SnapshotSource,
    UserState,
    WarmMark,
)
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.snapshots.cache import covers, is_settled, is_whole
from decision_service.pipeline.snapshots.codec import read_snapshot, snapshot_body
from decision_service.pipeline.snapshots.consent import disconnected, gives, is_withdrawn, unlisted
from decision_service.pipeline.snapshots.events import Event, EventAction
from decision_service.pipeline.snapshots.gained import gained
from decision_service.pipeline.snapshots.increments import (
    EVERYTHING,
    Increment,
    applied,
    change_of,
    plan_of,
)
from decision_service.pipeline.snapshots.ports import WarmLog

SECONDS = 30.0
"""How long one reading in the background may take."""

MOST_PATCHED = timedelta(hours=12)
"""How old the oldest part of a reading may be for a change to be read into it.

Half of the time that a reading serves by default: what is read into it after that is read whole, so
that data which changed without an event is found, and what is warm stays warm.
"""


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


class RefreshLog(WarmLog, Protocol):
    """The store's port for refreshing."""

    async def erase(self, user_id: str, disconnected: Disconnected | None = None) -> Erased:
        """As `DecisionLog.erase`."""


class RefreshSource(SnapshotSource, Protocol):
    """The vendor's port for refreshing."""

    async def accounts(self, user_id: str, stop_at: float) -> tuple[Account, ...]:
        """Every account as it is now, whatever is still arriving.

        Raises UserUnknown, UpstreamUnavailable, UpstreamBudgetExhausted, CrossTenant.
        """


class RefreshApplicants:
    """Keeps warm readings equal to the vendor's data; an event is a reason to read, never data.

    Every method raises UpstreamUnavailable, UpstreamBudgetExhausted, DeadlineMissed and
    StoreUnavailable; calling again later is safe.
    """

    def __init__(
        self,
        source: RefreshSource,
        log: RefreshLog,
        rulebook: Callable[[], Rulebook],
        clock: Clock,
    ) -> None:
        self._source = source
        self._log = log
        self._rulebook = rulebook
        self._clock = clock

    async def handle(self, user_id: str, events: Sequence[Event]) -> EventResult:
        """Handle the events of one user together."""
        withdrawn = {event.source for event in events if event.meaning is EventAction.REVOKED}
        if withdrawn:
            if await self.confirm(user_id, withdrawn):
                return EventResult.ERASED
            held = await self._log.user_state(user_id)
            return EventResult.NOT_CONFIRMED if held.counts or held.last else EventResult.NOTED
        arrived = [event for event in events if event.meaning is EventAction.ARRIVED]
        if not arrived:
            return EventResult.NOTED
        return await self.refresh(user_id, change_of(arrived))

    async def confirm(self, user_id: str, named: Collection[str] = ()) -> bool:
        """Erase a user's data where the vendor confirms that consent was withdrawn; True then."""
        user_state = await self._log.user_state(user_id)
        now, last = await self._accounts(user_id), await self._last(user_id, user_state)
        gone = is_withdrawn(user_state, last.accounts if last else (), now, named)
        if gone or await self._stopped(user_id, user_state, unlisted(user_state, named)):
            await self._log.erase(user_id, disconnected(now, self._clock.now()))
            return True
        return False

    async def refresh(self, user_id: str, change: Increment = EVERYTHING) -> EventResult:
        """Read the changed kinds, or all without a warm reading.

        REFRESHED where a reading may serve, this one or a newer one, as of another process.
        NOT_WHOLE where data is still arriving or could not be read, NOTED of an unknown user.
        """
        user_state = await self._log.user_state(user_id)
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
        """Compare a user's accounts with the vendor's, and catch up on lost events.

        The kinds of which whole data was read that was not there before.
        """
        user_state = await self._log.user_state(user_id)
        now, before = await self._accounts(user_id), await self._last(user_id, user_state)
        read = before.accounts if before else ()
        if is_withdrawn(user_state, read, now):
            await self._log.erase(user_id, disconnected(now, self._clock.now()))
        elif user_state.warm is not None and now == read:
            await self._log.looked(user_id, user_state.warm.snapshot_id, self._clock.now())
        elif user_state.last is not None:
            return await self._caught_up(user_id, before)
        return frozenset()

    async def _caught_up(self, user_id: str, before: Snapshot | None) -> frozenset[Kind]:
        if await self.refresh(user_id) is not EventResult.REFRESHED or before is None:
            return frozenset()
        after = await self._last(user_id, await self._log.user_state(user_id))
        return frozenset() if after is None else gained(before, after)

    async def _patched(self, user_id: str, user_state: UserState, change: Increment) -> bool:
        """Merge the change into the warm reading; False where everything must be read."""
        mark, now = user_state.warm, self._clock.now()
        if mark is None or not change.kinds or now - mark.oldest > MOST_PATCHED:
            return False
        stored = await self._log.snapshot(user_id, mark.snapshot_id)
        if stored is None or not covers(mark.plan, broadest(self._rulebook(), now)):
            return False
        old = read_snapshot(stored)
        plan = plan_of(change, mark.plan, old)
        fetch_result = await self._gather(user_id, plan, user_state)
        whole = applied(old, fetch_result.snapshot, plan, change)
        if whole is None:
            return False
        return await self._keep(
            replace(fetch_result, snapshot=whole), mark.plan, user_state, mark.oldest
        )

    async def _read(self, user_id: str, user_state: UserState) -> bool:
        wanted = broadest(self._rulebook(), self._clock.now())
        fetch_result = await self._gather(user_id, wanted, user_state)
        return await self._keep(fetch_result, wanted, user_state)

    async def _keep(
        self,
        fetch_result: FetchResult,
        plan: FetchPlan,
        user_state: UserState,
        oldest: datetime | None = None,
    ) -> bool:
        if not is_settled(fetch_result.snapshot):
            return False
        body = snapshot_body(fetch_result.snapshot)
        fetched = fetch_result.fetched
        mark = WarmMark(body.id, fetched, fetched, plan, oldest or fetched)
        kept = await self._log.keep_warm(body, mark, user_state.consent)
        return kept or await self._is_replaced(body.user_id, mark)

    async def _is_replaced(self, user_id: str, mark: WarmMark) -> bool:
        """Whether a reading serves that is no older than this one."""
        newest = (await self._log.user_state(user_id)).warm
        return newest is not None and newest.fetched >= mark.fetched

    async def _accounts(self, user_id: str) -> tuple[Account, ...] | None:
        """The vendor's accounts now; None of a user that it does not know."""
        try:
            return await self._source.accounts(user_id, self._clock.monotonic() + SECONDS)
        except UserUnknown:
            return None

    async def _last(self, user_id: str, user_state: UserState) -> Snapshot | None:
        """The last reading, quarantined or not."""
        if user_state.last is None:
            return None
        stored = await self._log.snapshot(user_id, user_state.last.snapshot_id)
        return None if stored is None else read_snapshot(stored)

    async def _stopped(self, user_id: str, user_state: UserState, sources: Collection[str]) -> bool:
        """Whether one of these, which no list of accounts names, gives nothing any more."""
        if not sources:
            return False
        wanted = broadest(self._rulebook(), self._clock.now())
        snapshot = (await self._gather(user_id, wanted, user_state)).snapshot
        if not is_whole(snapshot):
            raise UpstreamUnavailable("Smile could not say whether an archive was withdrawn")
        return bool(set(sources) - gives(snapshot))

    async def _gather(self, user_id: str, plan: FetchPlan, user_state: UserState) -> FetchResult:
        now = self._clock.monotonic()
        return await self._source.gather(
            user_id,
            plan,
            as_of=self._clock.now(),
            stop_at=now + SECONDS,
            wait_until=now,
            known=user_state.known,
            fallback=_provider_types(self._rulebook()),
        )


def broadest(rulebook: Rulebook, now: datetime) -> FetchPlan:
    """One plan that covers what every loaded ruleset needs."""
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


_MODES = (WhenTransactions.NEVER, WhenTransactions.IF_STANDING_IN, WhenTransactions.ALWAYS)


def _earliest(days: Iterable[date | None]) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _provider_types(rulebook: Rulebook) -> dict[str, Provider]:
    found: dict[str, Provider] = {}
    for product in rulebook.products.values():
        found.update(product.champion.needs.policy.provider_types)
    return found
