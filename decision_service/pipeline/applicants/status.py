"""An applicant's status: accounts, age of the data, and whether a decision is possible now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from decision_service.domain.accounts import CONNECTED, DISCONNECTED, ERROR, explained
from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import Account
from decision_service.pipeline.applicants.owners import ApplicantOwners
from decision_service.pipeline.applicants.ports import (
    ApplicantLog,
    Connections,
    Enrolment,
    Sync,
)
from decision_service.pipeline.ports import Clock


class AccountStatus(msgspec.Struct, frozen=True):
    """One account with the vendor's status and error, and a sentence for a person.

    `advice` is what the applicant can do; empty where nothing is needed.
    """

    account: Account
    words: str
    advice: str = ""


class NewestSync(msgspec.Struct, frozen=True):
    """When one kind of one account was last collected."""

    kind: Kind
    source: str
    collected: datetime


class ApplicantStatus(msgspec.Struct, frozen=True):
    """`ready`: a decision now would have data; otherwise `why_not` names what is missing."""

    user_id: str
    accounts: tuple[AccountStatus, ...]
    kinds: tuple[NewestSync, ...]
    ready: bool
    why_not: str = ""


class ReadApplicantStatus:
    """Reads applicants' status from the vendor; records nothing."""

    def __init__(self, vendor: Enrolment, log: ApplicantLog, clock: Clock) -> None:
        self._vendor = vendor
        self._owners = ApplicantOwners(log)
        self._clock = clock

    async def __call__(self, user_id: str, scope: str, stop_at: float) -> ApplicantStatus:
        """The status of a user that the caller `scope` created, empty for anybody's.

        Raises UserUnknown, UpstreamUnavailable, UpstreamBudgetExhausted, StoreUnavailable and
        CrossTenant.
        """
        await self._owners.require(user_id, scope)
        connections = await self._vendor.connections(user_id, self._clock.now(), stop_at)
        return status_of(user_id, connections)


def status_of(user_id: str, connections: Connections) -> ApplicantStatus:
    """The status that follows from a user's accounts and collections."""
    why_not = _why_not(connections)
    return ApplicantStatus(
        user_id=user_id,
        accounts=tuple(_account(one, connections) for one in connections.accounts),
        kinds=tuple(_newest(connections.syncs)),
        ready=not why_not,
        why_not=why_not,
    )


def _account(account: Account, connections: Connections) -> AccountStatus:
    if account.id in connections.arriving:
        words = "connected; its data is being collected, which takes up to five minutes"
        return AccountStatus(account, words)
    if account.connection_status == CONNECTED:
        return AccountStatus(account, "connected")
    if account.id in connections.being_linked:
        return AccountStatus(account, "the applicant is connecting it now")
    if account.connection_status == DISCONNECTED:
        words = "the applicant has withdrawn consent; its data may no longer be used"
        return AccountStatus(account, words, "Connect the account again to share its data.")
    if account.connection_status == ERROR:
        error = explained(account.error_code or "")
        return AccountStatus(account, error.happened, error.advice)
    return AccountStatus(account, "never finished connecting", "Connect the account again.")


def _newest(syncs: Iterable[Sync]) -> Iterator[NewestSync]:
    newest: dict[tuple[str, Kind], datetime] = {}
    for sync in syncs:
        for kind in sync.kinds:
            key = (sync.source, kind)
            newest[key] = max(sync.finished, newest.get(key, sync.finished))
    for (source, kind), finished in sorted(newest.items()):
        yield NewestSync(kind, source, finished)


def _why_not(connections: Connections) -> str:
    statuses = {account.connection_status for account in connections.accounts}
    if connections.being_linked:
        return "an account is being connected: ask again when the applicant has finished"
    if connections.arriving:
        return "data is still being collected: ask again within five minutes"
    if CONNECTED in statuses:
        return ""
    if not connections.accounts:
        return "no account is connected yet: give the applicant a link token"
    if statuses == {DISCONNECTED}:
        return "consent was withdrawn for every account: the applicant has to connect again"
    return "no account could be connected: see what each account says"
