"""Fetching what a ruleset needs of one applicant; the same for decisions and dry runs."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.needs import FetchPlan, Needs
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.plan import fetch_plan
from decision_service.pipeline.ports import DecisionLog, FetchResult, SnapshotSource
from decision_service.pipeline.snapshots.cache import (
    MOST_EARLIER,
    SnapshotCache,
    has_lost,
    is_settled,
    with_losses_settled,
)
from decision_service.pipeline.snapshots.codec import read_snapshot
from decision_service.pipeline.snapshots.consent import disconnected

ACCOUNTS_ONLY = FetchPlan(frozenset())


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
) -> FetchResult:
    """The applicant's data: from a warm reading where there is one, else from the vendor.

    A cached reading serves without a read of the store; the commit checks that it may. Consent
    withdrawn while the vendor is read erases the data stored before.
    Raises as `SnapshotSource.gather`, `DecisionLog.held` and `erase` do.
    """
    plan = fetch_plan(needs, as_of)
    recalled = None if warm is None else await warm.recall(user_id, plan, as_of.instant)
    if recalled is not None and not recalled.needs_check:
        return recalled.fetch_result
    user_state = await log.user_state(user_id)

    async def read(plan: FetchPlan) -> FetchResult:
        nonlocal user_state
        fetch_result = await source.gather(
            user_id,
            plan,
            as_of=as_of.instant,
            stop_at=stop_at,
            wait_until=wait_until,
            known=user_state.known,
            fallback=needs.policy.provider_types,
        )
        if user_state.counts and has_lost(fetch_result.snapshot):
            earlier = await _earlier(log, user_id)
            settled = with_losses_settled(fetch_result.snapshot, earlier, as_of)
            fetch_result = replace(fetch_result, snapshot=settled)
        if user_state.counts and _revoked_meanwhile(fetch_result.snapshot):
            await log.erase(user_id, disconnected(fetch_result.snapshot.accounts, as_of.instant))
            user_state = await log.user_state(user_id)
        return fetch_result

    if warm is None:
        return replace(await read(plan), consent=user_state.consent)
    found = await warm.find(user_id, plan, user_state, as_of.instant)
    spent = 0
    if found is not None and found.needs_check:
        looked = await read(ACCOUNTS_ONLY)
        spent = looked.calls
        found = found if _unmoved(found.fetch_result.snapshot, looked.snapshot) else None
        if found is not None:
            await warm.unchanged(user_id, user_state, looked.fetched)
    if found is not None:
        return replace(found.fetch_result, calls=spent)
    fetch_result = await read(plan)
    serves = plan if is_settled(fetch_result.snapshot) else None
    return replace(
        fetch_result, consent=user_state.consent, calls=fetch_result.calls + spent, plan=serves
    )


async def _earlier(log: DecisionLog, user_id: str) -> list[tuple[datetime, Snapshot]]:
    """The stored snapshots of a user that can still be read, the newest first."""
    found = []
    for snapshot_id, stored in await log.earlier_snapshots(user_id, MOST_EARLIER):
        body = await log.snapshot(user_id, snapshot_id)
        if body is not None:
            found.append((stored, read_snapshot(body)))
    return found


def _revoked_meanwhile(snapshot: Snapshot) -> bool:
    return any(fault.code is DataReason.CONSENT_REVOKED for fault in snapshot.account_faults)


def _unmoved(warm: Snapshot, now: Snapshot) -> bool:
    """Whether the vendor has neither moved an account nor collected anything since."""
    same = not now.account_faults and now.accounts == warm.accounts
    return same and (now.tasks is None or now.tasks == warm.tasks)


def withdrawn(user_id: str, fetch_result: FetchResult, consent: int) -> FetchResult:
    """An empty snapshot with CONSENT_REVOKED, in place of a reading overtaken by a withdrawal."""
    fault = Missing(Cause.CHANGED_WHILE_READING, DataReason.CONSENT_REVOKED, Kind.ACCOUNTS)
    empty = Snapshot(user_id, account_faults=(fault,))
    return replace(fetch_result, snapshot=empty, consent=consent, plan=None, body=None, mark=None)
