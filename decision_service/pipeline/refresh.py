"""Reading again in the background: after events, and in a sweep for those that never came."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from decision_service.domain.errors import DataNotReady, UserUnknown
from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Account, Provider
from decision_service.domain.time import AsOf
from decision_service.factors.plan import fetch_plan
from decision_service.pipeline.events import Event, Meaning
from decision_service.pipeline.gathering import ACCOUNTS_ONLY
from decision_service.pipeline.ports import Clock, Erased, Gathering, Held, SnapshotSource, WarmMark
from decision_service.pipeline.rulebook import Rulebook
from decision_service.pipeline.snapshots import read_snapshot, snapshot_body
from decision_service.pipeline.warm import covers, is_whole, merged
from decision_service.pipeline.warm_ports import WarmLog

SECONDS = 30.0
"""How long one reading in the background may take."""

DISCONNECTED = "DISCONNECTED"


class Handled(StrEnum):
    """What came of an event; NOT_CONFIRMED is a withdrawal that the vendor knows nothing of."""

    NOTED = "noted"
    REFRESHED = "refreshed"
    ERASED = "erased"
    NOT_CONFIRMED = "not_confirmed"


class RefreshLog(WarmLog, Protocol):
    """The store as refreshing sees it."""

    async def erase(self, user_id: str) -> Erased:
        """As `DecisionLog.erase`."""


class RefreshApplicants:
    """Keeps warm readings equal to the vendor's truth; asks the vendor, and believes no event.

    Every method raises UpstreamUnavailable, UpstreamBudgetExhausted, DeadlineMissed and
    StoreUnavailable; calling again later is safe.
    """

    def __init__(
        self,
        source: SnapshotSource,
        log: RefreshLog,
        rulebook: Callable[[], Rulebook],
        clock: Clock,
        nudge: Callable[[str], None],
    ) -> None:
        self._source = source
        self._log = log
        self._rulebook = rulebook
        self._clock = clock
        self._nudge = nudge

    async def handle(self, event: Event) -> Handled:
        """Do what an event asks for."""
        if event.meaning is Meaning.NOTED:
            return Handled.NOTED
        if event.meaning is Meaning.REVOKED:
            erased = await self.confirm(event.user_id, event.source)
            return Handled.ERASED if erased else Handled.NOT_CONFIRMED
        self._nudge(event.user_id)
        if event.meaning is Meaning.CHANGED:
            return Handled.NOTED
        renewed = await self.refresh(event.user_id, frozenset(event.kinds))
        return Handled.REFRESHED if renewed else Handled.NOTED

    async def confirm(self, user_id: str, source: str = "") -> bool:
        """Erase a user's data where the vendor confirms that consent was withdrawn; True then.

        That is so where an account that was read last is disconnected or gone, or the vendor lists
        `source` as disconnected. An event about a source that is as connected as ever, or that
        nobody ever saw, erases nothing: it may be forged.
        """
        held = await self._log.held(user_id)
        accounts = await self._accounts(user_id, held)
        alive = _alive(accounts)
        disconnected = {one.id for one in accounts} - alive
        read = _alive(await self._read_accounts(user_id, held))
        if source in disconnected or read - alive:
            await self._log.erase(user_id)
            return True
        return False

    async def refresh(self, user_id: str, kinds: frozenset[Kind]) -> bool:
        """Read what changed, or everything where nothing is warm; False where it is not whole.

        Data that is still arriving is left for the event that says it has arrived.
        """
        held = await self._log.held(user_id)
        wanted = broadest(self._rulebook(), self._clock.now())
        mark = held.warm
        try:
            if mark is None or not kinds or not covers(mark.plan, wanted):
                gathering = await self._gather(user_id, wanted, held)
                return await self._keep(gathering, wanted, held)
            return await self._renew(user_id, held, mark, _together(kinds, mark.plan))
        except (DataNotReady, UserUnknown):
            return False

    async def sweep(self, user_id: str) -> None:
        """Compare a user's accounts with the vendor's, and mend what no event has told."""
        held = await self._log.held(user_id)
        accounts = await self._accounts(user_id, held)
        if held.warm is not None and accounts == await self._read_accounts(user_id, held):
            await self._log.looked(user_id, held.warm.snapshot_id, self._clock.now())
        elif not await self.confirm(user_id):
            await self.refresh(user_id, frozenset())

    async def _renew(self, user_id: str, held: Held, mark: WarmMark, plan: FetchPlan) -> bool:
        stored = await self._log.snapshot(user_id, mark.snapshot_id)
        if stored is None:
            return False
        gathering = await self._gather(user_id, plan, held)
        read = plan.kinds | {Kind.TRANSACTIONS} if _asks_transactions(plan) else plan.kinds
        whole = merged(read_snapshot(stored), gathering.snapshot, frozenset(read))
        return await self._keep(replace(gathering, snapshot=whole), mark.plan, held)

    async def _keep(self, gathering: Gathering, plan: FetchPlan, held: Held) -> bool:
        if not is_whole(gathering.snapshot):
            return False
        body = snapshot_body(gathering.snapshot)
        mark = WarmMark(body.id, gathering.fetched, gathering.fetched, plan)
        return await self._log.keep_warm(body, mark, held.consent)

    async def _accounts(self, user_id: str, held: Held) -> tuple[Account, ...]:
        """The vendor's accounts now; none of a user that it does not know."""
        try:
            return (await self._gather(user_id, ACCOUNTS_ONLY, held)).snapshot.accounts
        except UserUnknown:
            return ()

    async def _read_accounts(self, user_id: str, held: Held) -> tuple[Account, ...]:
        """The accounts behind the last reading, quarantined or not."""
        if held.last is None:
            return ()
        stored = await self._log.snapshot(user_id, held.last.snapshot_id)
        return () if stored is None else read_snapshot(stored).accounts

    async def _gather(self, user_id: str, plan: FetchPlan, held: Held) -> Gathering:
        now = self._clock.monotonic()
        return await self._source.gather(
            user_id,
            plan,
            as_of=self._clock.now(),
            stop_at=now + SECONDS,
            wait_until=now,
            known=held.counts,
            fallback=_provider_types(self._rulebook()),
        )


def _alive(accounts: Iterable[Account]) -> set[str]:
    return {one.id for one in accounts if one.connection_status != DISCONNECTED}


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
    )


_MODES = (WhenTransactions.NEVER, WhenTransactions.IF_STANDING_IN, WhenTransactions.ALWAYS)


def _earliest(days: Iterable[date | None]) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _together(kinds: frozenset[Kind], whole: FetchPlan) -> FetchPlan:
    """The part of a plan that reads these kinds; what stands in for another is read with it."""
    linked = INCOME_KINDS | {Kind.TRANSACTIONS}
    if kinds & linked:
        return replace(whole, kinds=whole.kinds & (kinds | linked))
    return FetchPlan(whole.kinds & kinds)


def _asks_transactions(plan: FetchPlan) -> bool:
    return plan.transactions is not WhenTransactions.NEVER


def _provider_types(rulebook: Rulebook) -> dict[str, Provider]:
    found: dict[str, Provider] = {}
    for product in rulebook.products.values():
        found.update(product.champion.needs.policy.provider_types)
    return found
