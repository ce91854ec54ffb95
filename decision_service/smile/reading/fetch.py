"""One fetch of an applicant: accounts, then the kinds concurrently, then the final check."""

from __future__ import annotations

from decision_service.domain.errors import DeadlineMissed
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason
from decision_service.domain.snapshot import Account
from decision_service.smile.client import RequestCounts
from decision_service.smile.errors import CircuitOpen, Gone, KeysRefused, NoPermit, UpstreamFault
from decision_service.smile.reading.account_changes import compare_accounts
from decision_service.smile.reading.applicant import ApplicantReader
from decision_service.smile.reading.arrival import ArrivalPoller
from decision_service.smile.reading.builder import SnapshotBuilder
from decision_service.smile.reading.lists import ListReader
from decision_service.smile.transport.budget import RequestBudget

_CHANGED = UpstreamFault(Cause.CHANGED_WHILE_READING, DataReason.DATA_CHANGED_DURING_READ)
_REVOKED = UpstreamFault(Cause.CHANGED_WHILE_READING, DataReason.CONSENT_REVOKED)


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
        kind_reader: ListReader,
        counts: RequestCounts,
    ) -> None:
        self.arrival = arrival
        self.builder = builder
        self._reader = reader
        self._kind_reader = kind_reader
        self._counts = counts

    @property
    def budget(self) -> RequestBudget:
        """The requests and the time of the fetch."""
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
                self._counts.credential_refusals = 0
        except KeysRefused as fault:
            self._counts.credential_refusals += 1
            raise fault.refusal() from None

    async def _settled_accounts(self) -> tuple[Account, ...] | None:
        """The accounts once none of their data is arriving; None where they cannot be read."""
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
        for last in (False, True):
            self.builder.tasks = self.arrival.tasks
            await self._kind_reader.read(self.builder)
            if await self._confirm(last=last):
                return

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
            later = await self._accounts_now()
        except KeysRefused:
            raise
        except UpstreamFault as fault:
            self.builder.invalidate(self.builder.unverified | self.builder.orphans(), fault)
            return True
        return await self._compared(later, last=last)

    async def _accounts_now(self) -> tuple[Account, ...]:
        try:
            return await self._reader.accounts()
        except Gone:
            return ()

    async def _compared(self, later: tuple[Account, ...], *, last: bool) -> bool:
        moved = compare_accounts(self.builder.accounts or (), later)
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
        """Invalidate everything that was read while consent was withdrawn."""
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
        await reader.check_known()
        raise
    if not accounts:
        await reader.check_known()
    return accounts


def unanswered() -> DeadlineMissed:
    """The error of a caller whose deadline came before the vendor's first answer."""
    return DeadlineMissed(
        "Smile had not answered when the deadline came; send the request again with a longer "
        "deadline"
    )
