"""Fetching what a ruleset needs of one applicant, and matching the person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import datetime

from msgspec.structs import replace

from decision_service.decide.codec import read_snapshot
from decision_service.decide.snapshots import (
    MOST_EARLIER,
    SnapshotCache,
    has_lost,
    is_settled,
    kinds_of,
    with_losses_settled,
)
from decision_service.domain.accounts import DISCONNECTED, MATTERS_FOR, Kind
from decision_service.domain.needs import FetchPlan, Needs
from decision_service.domain.ports import (
    DecisionLog,
    Disconnected,
    FetchResult,
    SnapshotSource,
    UserState,
)
from decision_service.domain.snapshot import Account, Snapshot
from decision_service.domain.values import AsOf, Cause, DataReason, Missing
from decision_service.factors.compute import fetch_plan
from decision_service.factors.pay_watches import watched

_ACCOUNT = "a-"
"""How the vendor's ids of accounts begin; archives and uploads have others, and are not listed."""

ACCOUNTS_ONLY = FetchPlan(frozenset())


def is_withdrawn(
    user_state: UserState,
    read: Iterable[Account],
    now: Collection[Account] | None,
    named: Collection[str] = (),
) -> bool:
    """Whether an account that gave stored data, or was read last, is disconnected or gone.

    `now` are the vendor's accounts, None of a user that it does not know. `named` are sources that
    events called withdrawn: one that is as connected as ever, or that was never seen, proves
    nothing.
    """
    if now is None:
        return True
    listed = {one.id for one in now}
    alive = {one.id for one in now if one.connection_status != DISCONNECTED}
    fed = {one.source for one in user_state.counts}
    had = {one.id for one in read if one.connection_status != DISCONNECTED}
    # No list names archives and uploads, so that they are missing from it in any case.
    had |= {source for source in fed if source in listed or source.startswith(_ACCOUNT)}
    # A source that an event names has to be listed as ended: the event may be forged (0103).
    return bool(had - alive or (listed - alive).intersection(named))


def disconnected(now: Collection[Account] | None, at: datetime) -> Disconnected | None:
    """The accounts of which something stays; None of a user that the vendor does not know."""
    if now is None:
        return None
    # Who loses a job may not hide it by disconnecting the account that shows it (0103).
    ended = (one.id for one in now if one.connection_status == DISCONNECTED)
    return Disconnected(frozenset(ended), at + MATTERS_FOR)


def unlisted(user_state: UserState, named: Collection[str]) -> frozenset[str]:
    fed = {one.source for one in user_state.counts}
    return frozenset(one for one in named if one in fed and not one.startswith(_ACCOUNT))


def gives(snapshot: Snapshot) -> frozenset[str]:
    reads = (getattr(snapshot, kind) for kind in kinds_of(snapshot))
    return frozenset(record.source for read in reads for record in read.records)


async def gather_for(
    user_id: str,
    needs: Needs,
    as_of: AsOf,
    *,
    source: SnapshotSource,
    log: DecisionLog,
    stop_at: float,
    wait_until: float,
    warm: SnapshotCache | None = None,
    before_read: Callable[[], Awaitable[None]] | None = None,
) -> FetchResult:
    """The applicant's data: from a warm reading where there is one, else from the vendor.

    Consent withdrawn while the vendor is read erases the data stored before.
    Raises as `SnapshotSource.gather`, `DecisionLog.user_state`, `erase` and `before_read` do.
    """
    plan = fetch_plan(needs, as_of)
    # What the process remembers costs no read of the store: the commit checks it (0102).
    recalled = None if warm is None else await warm.recall(user_id, plan, as_of.instant)
    if recalled is not None and not recalled.needs_check:
        return recalled.fetch_result
    user_state = await log.user_state(user_id)

    async def read(plan: FetchPlan) -> FetchResult:
        nonlocal user_state
        # The lease comes first: of several processes on one store one reads the vendor (0092).
        if before_read is not None:
            await before_read()
        fetch_result = await source.gather(
            user_id,
            plan,
            as_of=as_of.instant,
            stop_at=stop_at,
            wait_until=wait_until,
            known=user_state.known,
            fallback=needs.policy.provider_types,
        )
        # A shorter list counts only where earlier readings explain the loss.
        if user_state.counts and has_lost(fetch_result.snapshot):
            earlier = await _earlier(log, user_id)
            settled = with_losses_settled(fetch_result.snapshot, earlier, as_of)
            fetch_result = replace(fetch_result, snapshot=settled)
        faults = fetch_result.snapshot.account_faults
        if user_state.counts and any(one.code is DataReason.CONSENT_REVOKED for one in faults):
            await log.erase(user_id, disconnected(fetch_result.snapshot.accounts, as_of.instant))
            # The erasure raised the count of withdrawals: by the old one the commit would refuse.
            user_state = await log.user_state(user_id)
        return fetch_result

    if warm is None:
        fetch_result = await read(plan)
        fetch_result = await _watched(log, user_state, fetch_result)
        return replace(fetch_result, consent=user_state.consent)
    found = await warm.find(user_id, plan, user_state, as_of.instant)
    spent = 0
    if found is not None and found.needs_check:
        # One call says whether a reading still serves, where another one takes many.
        looked = await read(ACCOUNTS_ONLY)
        spent = looked.calls
        found = found if _unmoved(found.fetch_result.snapshot, looked.snapshot) else None
        if found is not None:
            await warm.unchanged(user_id, user_state, looked.fetched)
    if found is not None:
        return replace(found.fetch_result, calls=spent)
    fetch_result = await read(plan)
    fetch_result = await _watched(log, user_state, fetch_result)
    # While the vendor collects, or did not say, a later decision has to read again (0101).
    serves = plan if is_settled(fetch_result.snapshot) else None
    return replace(
        fetch_result, consent=user_state.consent, calls=fetch_result.calls + spent, plan=serves
    )


async def _watched(
    log: DecisionLog, user_state: UserState, fetch_result: FetchResult
) -> FetchResult:
    """With what this reading and the ones before it showed of when pay comes."""
    snapshot = fetch_result.snapshot
    before = await last_reading(log, snapshot.user_id, user_state)
    return replace(fetch_result, snapshot=watched(snapshot, before))


async def last_reading(log: DecisionLog, user_id: str, user_state: UserState) -> Snapshot | None:
    """The user's last whole reading, where it is stored; raises StoreUnavailable."""
    if user_state.last is None:
        return None
    body = await log.snapshot(user_id, user_state.last.snapshot_id)
    return None if body is None else read_snapshot(body)


async def _earlier(log: DecisionLog, user_id: str) -> list[tuple[datetime, Snapshot]]:
    found = []
    for snapshot_id, stored in await log.earlier_snapshots(user_id, MOST_EARLIER):
        body = await log.snapshot(user_id, snapshot_id)
        if body is not None:
            found.append((stored, read_snapshot(body)))
    return found


def _unmoved(warm: Snapshot, now: Snapshot) -> bool:
    same = not now.account_faults and now.accounts == warm.accounts
    return same and (now.tasks is None or now.tasks == warm.tasks)


def withdrawn(user_id: str, fetch_result: FetchResult, consent: int) -> FetchResult:
    """An empty snapshot with CONSENT_REVOKED, in place of a reading overtaken by a withdrawal."""
    fault = Missing(Cause.CHANGED_WHILE_READING, DataReason.CONSENT_REVOKED, Kind.ACCOUNTS)
    empty = Snapshot(user_id, account_faults=(fault,))
    return replace(fetch_result, snapshot=empty, consent=consent, plan=None, body=None, mark=None)
