"""One fetch of an applicant: waits for arrival, accounts, then all kinds, then the final check."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial

from decision_service.decide.flow import Waiter, WorkStopped
from decision_service.domain.accounts import BEING_LINKED, CONNECTED, LINK_TASK, SYNCS_WITHIN, Kind
from decision_service.domain.errors import (
    CrossTenant,
    DataNotReady,
    DeadlineMissed,
    UpstreamUnavailable,
)
from decision_service.domain.ports import Clock
from decision_service.domain.snapshot import Account, Read, Task
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.smile.applicant import (
    CONSENT_PROBE,
    ApplicantReader,
    KindRead,
    SnapshotBuilder,
    compare_accounts,
    failed_kind,
)
from decision_service.smile.client import RequestBudget, RequestCounts
from decision_service.smile.errors import (
    CircuitOpen,
    Gone,
    KeysRefused,
    NoPermit,
    NotSubscribed,
    UpstreamFault,
)
from decision_service.smile.limits import SmileLimits

RETRY_AFTER = 30.0

_LAST_LOOK = 0.2
_SLOWER = 1.5
_CHANGED = UpstreamFault(Cause.CHANGED_WHILE_READING, DataReason.DATA_CHANGED_DURING_READ)
_REVOKED = UpstreamFault(Cause.CHANGED_WHILE_READING, DataReason.CONSENT_REVOKED)


def being_linked(accounts: Iterable[Account], as_of: datetime, young: timedelta) -> frozenset[str]:
    """The accounts whose linking began within `young` and has not ended; older ones are dead."""
    return frozenset(
        one.id
        for one in accounts
        if one.connection_status in BEING_LINKED and is_young(one, as_of, young)
    )


def just_connected(
    accounts: Iterable[Account], as_of: datetime, young: timedelta
) -> frozenset[str]:
    return frozenset(
        one.id
        for one in accounts
        if one.connection_status == CONNECTED and is_young(one, as_of, young)
    )


def may_be_syncing(
    accounts: Iterable[Account], as_of: datetime, limits: SmileLimits
) -> frozenset[str]:
    """The connected accounts whose first sync may not have finished, by their age.

    Those were created within a day, or at an unknown time, or connected while a first sync that
    began then would be waited for.
    """
    fresh = {
        one.id
        for one in accounts
        if one.connection_status == CONNECTED
        and (one.created_at is None or abs(as_of - one.created_at) < SYNCS_WITHIN)
    }
    return just_connected(accounts, as_of, limits.first_sync).union(fresh)


def waited_for(
    accounts: Iterable[Account], running: Iterable[Task], as_of: datetime, limits: SmileLimits
) -> frozenset[str]:
    """The connected accounts whose running first sync is worth waiting for.

    A task without a start is as old as its account; any task of a new connection is a first sync.
    """
    connected = {one.id: one for one in accounts if one.connection_status == CONNECTED}
    new = just_connected(connected.values(), as_of, limits.young)
    return frozenset(
        task.source
        for task in running
        if task.source in connected
        and (task.type == LINK_TASK or task.source in new)
        and (
            is_young(connected[task.source], as_of, limits.first_sync)
            if task.started is None
            else abs(as_of - task.started) < limits.first_sync
        )
    )


def is_young(account: Account, as_of: datetime, young: timedelta) -> bool:
    """Whether account or connection is; a time further in the future than `young` is ignored."""
    times = (account.created_at, account.connection_updated_at)
    return any(time is not None and abs(as_of - time) < young for time in times)


def not_ready(accounts: int) -> DataNotReady:
    noun = "account is" if accounts == 1 else "accounts are"
    return DataNotReady(
        f"The data of {accounts} {noun} still arriving at Smile; send the request again in "
        f"{RETRY_AFTER:.0f} s, or with a longer wait_timeout",
        retry_after=RETRY_AFTER,
        accounts=accounts,
    )


class ArrivalPoller:
    """Polls while an account is being linked or its first sync is running.

    `wait_until` (Clock.monotonic) is the patience of the most patient caller and may grow.
    `waiting` is done while data is known to be still arriving, for callers who wait no longer.
    `tasks` is the vendor's last list of collections; None where no account needs the list.
    """

    def __init__(
        self,
        reader: ApplicantReader,
        clock: Clock,
        as_of: datetime,
        limits: SmileLimits,
        wait_until: float,
    ) -> None:
        self.wait_until = wait_until
        self.waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.tasks: Read[Task] | None = None
        self._reader = reader
        self._clock = clock
        self._as_of = as_of
        self._limits = limits
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        self._nudged.set()

    async def settled(self, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        """The accounts once none of their data is arriving; raises DataNotReady, KeysRefused."""
        pause = self._limits.poll_seconds
        arriving = await self._arriving(accounts)
        while arriving:
            if not self.waiting.done():
                self.waiting.set_result(len(arriving))
            # Other fetches need not wait for permits that may be used in minutes.
            self._reader.budget.reservation.release()
            left = self.wait_until - self._clock.monotonic()
            # A last look needs time for its answer, which is of no use later.
            if left < _LAST_LOOK:
                raise not_ready(len(arriving))
            syncing = self.tasks is not None
            nudged = await self._nudged_within(min(pause, left - _LAST_LOOK / 2))
            pause = min(pause * _SLOWER, self._limits.longest_poll)
            # To spare requests a running sync shows by its task alone, unless an event came.
            by_task = syncing and not nudged
            if by_task and await self._arriving(accounts):
                continue
            # Whether all of the data is there is unknown: no decision may rest on half of it.
            if self.tasks is not None and self.tasks.faults:
                raise not_ready(len(arriving))
            before = accounts
            accounts = await self._accounts_again(len(arriving))
            finished = by_task and _states(accounts) == _states(before)
            arriving = frozenset() if finished else await self._arriving(accounts)
        # Whoever joins this fetch from now on must not be sent away with the old count.
        if self.waiting.done():
            self.waiting = asyncio.get_running_loop().create_future()
        return accounts

    async def _nudged_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        nudged = self._nudged.is_set()
        self._nudged.clear()
        return nudged

    async def _arriving(self, accounts: tuple[Account, ...]) -> frozenset[str]:
        linking = being_linked(accounts, self._as_of, self._limits.young)
        asked = may_be_syncing(accounts, self._as_of, self._limits)
        self.tasks = None
        # What is being linked is waited for in any case, so that no tasks are asked for.
        if linking or not asked:
            return linking
        self.tasks = await self._collecting(asked)
        running = [task for task in self.tasks.records if task.runs]
        return waited_for(accounts, running, self._as_of, limits=self._limits)

    async def _collecting(self, asked: frozenset[str]) -> Read[Task]:
        try:
            return Read(tuple(one.task for one in await self._reader.tasks()))
        except KeysRefused:
            raise
        except UpstreamFault as fault:
            # Data counts as not fetched where the vendor does not say whether all of it is there.
            unknown = partial(Missing, Cause.NOT_FETCHED, fault.code, detail=fault.detail)
            return Read(faults=tuple(unknown(source=account_id) for account_id in sorted(asked)))

    async def _accounts_again(self, arriving: int) -> tuple[Account, ...]:
        try:
            return await self._reader.accounts()
        except KeysRefused:
            raise
        except UpstreamFault:
            raise not_ready(arriving) from None


def _states(accounts: tuple[Account, ...]) -> set[tuple[str, str]]:
    return {(one.id, one.connection_status) for one in accounts}


async def run_all(jobs: Iterable[Coroutine[None, None, None]]) -> None:
    """Run the jobs concurrently; raises the error itself, CrossTenant before any other."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except BaseExceptionGroup as failed:
        # Data of another user is an alarm, and must not be hidden by a fault that came with it.
        alarms = [one for one in failed.exceptions if isinstance(one, CrossTenant)]
        raise (alarms or failed.exceptions)[0] from None


class SnapshotFetch:
    """Fills a snapshot builder, which may be read while the fetch runs.

    The final check reads the accounts again, because the data may belong to two moments. It is made
    where a list had several pages, where a list names an account that is not listed, or where an
    account's list is empty although its provider has the kind and no later list confirms consent.
    """

    def __init__(
        self,
        reader: ApplicantReader,
        arrival: ArrivalPoller,
        builder: SnapshotBuilder,
        first_day: date | None,
        counts: RequestCounts,
    ) -> None:
        self.arrival = arrival
        self.builder = builder
        self._reader = reader
        self._first_day = first_day
        self._counts = counts

    @property
    def budget(self) -> RequestBudget:
        return self._reader.budget

    async def run(self) -> None:
        """Read to the end.

        Raises UserUnknown, DataNotReady, UpstreamUnavailable, UpstreamBudgetExhausted,
        DeadlineMissed, CrossTenant; every other failure is in the builder.
        """
        try:
            accounts = await self._settled_accounts()
            if accounts is not None:
                await self._read(accounts)
                # Only a whole fetch shows that the keys work: one endpoint may take what the
                # others refuse.
                self._counts.credential_refusals = 0
        except KeysRefused as fault:
            self._counts.credential_refusals += 1
            raise fault.refusal() from None

    async def _settled_accounts(self) -> tuple[Account, ...] | None:
        try:
            accounts = await known_accounts(self._reader)
        except KeysRefused:
            raise
        except UpstreamFault as fault:
            self._check_started(fault)
            self.builder.account_faults = (fault.missing(Kind.ACCOUNTS),)
            return None
        return await self.arrival.settled(accounts)

    def _check_started(self, fault: UpstreamFault) -> None:
        """Raise the refusal of a fetch of which the vendor has answered no request: no evidence."""
        if self.budget.answered:
            return
        if isinstance(fault, CircuitOpen) or (
            isinstance(fault, NoPermit) and self.budget.calls == 0
        ):
            raise fault.refusal() from None
        raise unanswered() from None

    async def _read(self, accounts: tuple[Account, ...]) -> None:
        self.builder.accounts = accounts
        # Read twice at most: an account that changes during each reading is a fault of the kinds.
        for last in (False, True):
            self.builder.tasks = self.arrival.tasks
            await self._read_kinds()
            if await self._confirm(last=last):
                return

    async def _read_kinds(self) -> None:
        """Read all kinds, the consent probe last; raises KeysRefused and CrossTenant only."""
        kinds = self.builder.asked
        await run_all(self._read_kind(kind) for kind in sorted(kinds - {CONSENT_PROBE}))
        # Read last: it shows which accounts still had consent when the other lists were read.
        if CONSENT_PROBE in kinds:
            await self._read_kind(CONSENT_PROBE)

    async def _read_kind(self, kind: Kind) -> None:
        since = self._first_day if kind is Kind.TRANSACTIONS else None
        try:
            self.builder.parts[kind] = await self._reader.kind(kind, first_day=since)
        except KeysRefused:
            raise
        except NotSubscribed:  # there are no records of a product that is not subscribed to
            self.builder.parts[kind] = KindRead()
        except UpstreamFault as fault:
            self.builder.parts[kind] = failed_kind(kind, fault, since)

    async def _confirm(self, *, last: bool) -> bool:
        """Make the final check where one is needed; False when all must be read again."""
        self.builder.unverified |= self.builder.unexpectedly_empty()
        if self.builder.unverified or self.builder.orphans():
            self.builder.confirmed = await self._final_check(last=last)
        else:
            self.builder.confirmed = True
        return self.builder.confirmed

    async def _final_check(self, *, last: bool) -> bool:
        try:
            later = await self._reader.accounts()
        except Gone:
            # A user that is gone has no accounts any more: consent was withdrawn for all of them.
            later = ()
        except KeysRefused:
            raise
        except UpstreamFault as fault:
            self.builder.invalidate(self.builder.unverified | self.builder.orphans(), fault)
            return True
        return await self._compared(later, last=last)

    async def _compared(self, later: tuple[Account, ...], *, last: bool) -> bool:
        moved = compare_accounts(self.builder.accounts or (), later)
        # No second reading: what was withdrawn may not be used, and would not come again.
        if moved.revoked:
            self._revoke(later, moved.revoked)
        elif moved.changed and not last:
            self.builder.reset(later)
            self.builder.accounts = await self.arrival.settled(later)
            return False
        elif moved.changed:
            self.builder.accounts = later
            self.builder.invalidate(self.builder.parts.keys(), _CHANGED)
        self.builder.unverified.clear()
        self.builder.invalidate(self.builder.orphans(), _CHANGED)
        return True

    def _revoke(self, later: tuple[Account, ...], revoked: tuple[str, ...]) -> None:
        self.builder.accounts = later
        self.builder.account_faults += tuple(
            _REVOKED.missing(Kind.ACCOUNTS, account_id) for account_id in revoked
        )
        self.builder.invalidate(self.builder.parts.keys(), _REVOKED)


async def known_accounts(reader: ApplicantReader) -> tuple[Account, ...]:
    """The accounts of a user that the vendor knows; raises UserUnknown."""
    try:
        accounts = await reader.accounts()
    except Gone:
        # It is the list or the user that is gone: the vendor is asked which.
        await reader.check_known()
        raise
    if not accounts:
        await reader.check_known()
    return accounts


def unanswered() -> DeadlineMissed:
    return DeadlineMissed(
        "Smile had not answered when the deadline came; send the request again with a longer "
        "deadline"
    )


async def follow(
    place: Waiter[SnapshotFetch, None], clock: Clock, stop_at: float, wait_until: float
) -> None:
    """Return when the fetch has ended, or at the deadline where the vendor has answered.

    A fetch has the deadline of its most patient caller. Raises what the fetch raised; DataNotReady
    when data is still arriving at the end of the caller's patience, DeadlineMissed when the vendor
    has not answered by `stop_at`, UpstreamUnavailable when the service shuts down.
    """
    budget = place.job.budget
    arrival = place.job.arrival
    budget.stop_at = max(budget.stop_at, stop_at)
    arrival.wait_until = max(arrival.wait_until, wait_until)
    if await _ended(place, min(stop_at, wait_until) - clock.monotonic()):
        return
    if await _ended(place, stop_at - clock.monotonic(), arrival.waiting):
        return
    if arrival.waiting.done():
        raise not_ready(arrival.waiting.result())
    if not budget.answered:
        raise unanswered()


async def _ended(
    place: Waiter[SnapshotFetch, None], seconds: float, *signals: asyncio.Future[int]
) -> bool:
    try:
        await place.result(seconds, *signals)
    except TimeoutError:
        return False
    except WorkStopped:
        raise UpstreamUnavailable(
            "The reading of the applicant was stopped because the service is shutting down; "
            "send the request again",
            retry_after=1.0,
        ) from None
    return True
