"""Waits, within the callers' patience, until an applicant's data has arrived at the vendor."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

from decision_service.domain.missing import Cause, Missing
from decision_service.domain.snapshot import Account, Read, Task
from decision_service.pipeline.ports import Clock
from decision_service.smile.errors import KeysRefused, UpstreamFault
from decision_service.smile.limits import SmileLimits
from decision_service.smile.reading.applicant import ApplicantReader
from decision_service.smile.reading.readiness import (
    being_linked,
    may_be_syncing,
    not_ready,
    waited_for,
)

_LAST_LOOK = 0.2
_SLOWER = 1.5


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
        """Poll at once: an event says that an account has changed."""
        self._nudged.set()

    async def settled(self, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        """The accounts once none of their data is arriving; raises DataNotReady, KeysRefused.

        While a sync runs its task alone is looked at, to spare requests, unless an event came.
        """
        pause = self._limits.poll_seconds
        arriving = await self._arriving(accounts)
        while arriving:
            self._signal_waiting(len(arriving))
            # Other fetches need not wait for permits that may be used in minutes.
            self._reader.budget.reservation.release()
            left = self.wait_until - self._clock.monotonic()
            if left < _LAST_LOOK:
                raise not_ready(len(arriving))
            syncing = self.tasks is not None
            nudged = await self._nudged_within(min(pause, left - _LAST_LOOK / 2))
            pause = min(pause * _SLOWER, self._limits.longest_poll)
            by_task = syncing and not nudged
            if by_task and await self._arriving(accounts):
                continue
            if self.tasks is not None and self.tasks.faults:
                raise not_ready(len(arriving))
            before, accounts = accounts, await self._accounts_again(len(arriving))
            finished = by_task and _states(accounts) == _states(before)
            arriving = frozenset() if finished else await self._arriving(accounts)
        if self.waiting.done():
            self.waiting = asyncio.get_running_loop().create_future()
        return accounts

    async def _nudged_within(self, seconds: float) -> bool:
        """Wait for so long, or until nudged."""
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
        if linking or not asked:
            return linking
        self.tasks = await self._collecting(asked)
        running = [task for task in self.tasks.records if task.runs]
        return waited_for(accounts, running, self._as_of, self._limits)

    async def _collecting(self, asked: frozenset[str]) -> Read[Task]:
        """The vendor's tasks; where the list cannot be read, a fault for each account."""
        try:
            return Read(tuple(one.task for one in await self._reader.tasks()))
        except KeysRefused:
            raise
        except UpstreamFault as fault:
            return Read(
                faults=tuple(_unknown_progress(fault, account_id) for account_id in sorted(asked))
            )

    async def _accounts_again(self, arriving: int) -> tuple[Account, ...]:
        try:
            return await self._reader.accounts()
        except KeysRefused:
            raise
        except UpstreamFault:
            raise not_ready(arriving) from None

    def _signal_waiting(self, arriving: int) -> None:
        if not self.waiting.done():
            self.waiting.set_result(arriving)


def _states(accounts: tuple[Account, ...]) -> set[tuple[str, str]]:
    return {(one.id, one.connection_status) for one in accounts}


def _unknown_progress(fault: UpstreamFault, account_id: str) -> Missing:
    """Data counts as not fetched where the vendor does not say whether all of it is there."""
    return Missing(Cause.NOT_FETCHED, fault.code, source=account_id, detail=fault.detail)
