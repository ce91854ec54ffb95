"""One reading of an applicant: accounts, then the kinds side by side, then what confirms them."""

from __future__ import annotations

from decision_service.domain.errors import DeadlineMissed
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason
from decision_service.domain.snapshot import Account
from decision_service.smile.client import Tally
from decision_service.smile.errors import CircuitOpen, Fault, Gone, KeysRefused, NoTurn
from decision_service.smile.reading.account_changes import drift
from decision_service.smile.reading.applicant import Applicant
from decision_service.smile.reading.arrival import Arrival
from decision_service.smile.reading.builder import Findings
from decision_service.smile.reading.lists import Wave
from decision_service.smile.transport.budget import Allowance

_CHANGED = Fault(Cause.CHANGED_WHILE_READING, DataReason.DATA_CHANGED_DURING_READ)
_REVOKED = Fault(Cause.CHANGED_WHILE_READING, DataReason.CONSENT_REVOKED)


class Reading:
    """Fills the findings; what it has found may be looked at while it runs.

    The closing look at the accounts is taken only when some list had several pages, lacks what an
    account's provider should give while nothing that was read later came from that account, or
    names an account that is not listed: then what was read may belong to two different moments.
    """

    def __init__(
        self,
        applicant: Applicant,
        arrival: Arrival,
        findings: Findings,
        wave: Wave,
        tally: Tally,
    ) -> None:
        self.arrival = arrival
        self.findings = findings
        self._applicant = applicant
        self._wave = wave
        self._tally = tally

    @property
    def allowance(self) -> Allowance:
        """What it may spend and has spent."""
        return self._applicant.allowance

    async def run(self) -> None:
        """Read to the end.

        Raises UserUnknown, DataNotReady, UpstreamUnavailable, UpstreamBudgetExhausted,
        DeadlineMissed, CrossTenant; every other failure is in the findings.
        """
        try:
            accounts = await self._opened()
            if accounts is not None:
                await self._read(accounts)
                self._tally.credential_refusals = 0
        except KeysRefused as fault:
            self._tally.credential_refusals += 1
            raise fault.refusal() from None

    async def _opened(self) -> tuple[Account, ...] | None:
        """The accounts with nothing of them still arriving; None when they cannot be read."""
        try:
            accounts = await listed(self._applicant)
        except KeysRefused:
            raise
        except Fault as fault:
            self._check_started(fault)
            self.findings.account_faults = (fault.missing(Kind.ACCOUNTS),)
            return None
        return await self.arrival.settled(accounts)

    def _check_started(self, fault: Fault) -> None:
        """A reading that the vendor has not answered at all is no evidence of anything."""
        if self.allowance.answered:
            return
        if isinstance(fault, CircuitOpen) or (
            isinstance(fault, NoTurn) and self.allowance.calls == 0
        ):
            raise fault.refusal() from None
        raise unanswered() from None

    async def _read(self, accounts: tuple[Account, ...]) -> None:
        self.findings.accounts = accounts
        for last in (False, True):
            self.findings.tasks = self.arrival.tasks
            await self._wave.read(self.findings)
            if await self._closed(last=last):
                return

    async def _closed(self, *, last: bool) -> bool:
        """Take the closing look where one is needed; False when all must be read again."""
        self.findings.unverified |= self.findings.hollow()
        if self.findings.unverified or self.findings.orphans():
            self.findings.closed = await self._looked(last=last)
        else:
            self.findings.closed = True
        return self.findings.closed

    async def _looked(self, *, last: bool) -> bool:
        try:
            later = await self._accounts_now()
        except KeysRefused:
            raise
        except Fault as fault:
            self.findings.spoil(self.findings.unverified | self.findings.orphans(), fault)
            return True
        return await self._compared(later, last=last)

    async def _accounts_now(self) -> tuple[Account, ...]:
        try:
            return await self._applicant.accounts()
        except Gone:
            return ()

    async def _compared(self, later: tuple[Account, ...], *, last: bool) -> bool:
        moved = drift(self.findings.accounts or (), later)
        if moved.revoked:
            self._revoke(later, moved.revoked)
        elif moved.changed and not last:
            self.findings.start_over(later)
            self.findings.accounts = await self.arrival.settled(later)
            return False
        elif moved.changed:
            self.findings.accounts = later
            self.findings.spoil(self.findings.parts.keys(), _CHANGED)
        self.findings.unverified.clear()
        self.findings.spoil(self.findings.orphans(), _CHANGED)
        return True

    def _revoke(self, later: tuple[Account, ...], revoked: tuple[str, ...]) -> None:
        """Nothing that was read while consent was withdrawn may be used."""
        self.findings.accounts = later
        self.findings.account_faults += tuple(
            _REVOKED.missing(Kind.ACCOUNTS, account_id) for account_id in revoked
        )
        self.findings.spoil(self.findings.parts.keys(), _REVOKED)


async def listed(applicant: Applicant) -> tuple[Account, ...]:
    """The accounts of a user that the vendor knows; raises UserUnknown."""
    try:
        accounts = await applicant.accounts()
    except Gone:
        await applicant.check_known()
        raise
    if not accounts:
        await applicant.check_known()
    return accounts


def unanswered() -> DeadlineMissed:
    """What a caller is told whose time ended before the vendor had said anything."""
    return DeadlineMissed(
        "Smile had not answered when the deadline came; send the request again with a longer "
        "deadline"
    )
