"""Fetching what a ruleset needs of one applicant; the same for decisions and dry runs."""

from __future__ import annotations

from msgspec.structs import replace

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.needs import FetchPlan, Needs
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.plan import fetch_plan
from decision_service.pipeline.ports import DecisionLog, FetchResult, SnapshotSource
from decision_service.pipeline.snapshots.cache import SnapshotCache, is_settled
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

    A reading that is remembered serves without asking the store, whose commit looks whether it may.
    Consent that is withdrawn while the vendor is read takes what is stored from before along.
    Raises as `SnapshotSource.gather`, `DecisionLog.held` and `erase` do.
    """
    plan = fetch_plan(needs, as_of)
    recalled = None if warm is None else await warm.recall(user_id, plan, as_of.instant)
    if recalled is not None and not recalled.look:
        return recalled.gathering
    held = await log.held(user_id)

    async def read(plan: FetchPlan) -> FetchResult:
        nonlocal held
        gathering = await source.gather(
            user_id,
            plan,
            as_of=as_of.instant,
            stop_at=stop_at,
            wait_until=wait_until,
            known=held.known,
            fallback=needs.policy.provider_types,
        )
        if held.counts and _revoked_meanwhile(gathering.snapshot):
            await log.erase(user_id, disconnected(gathering.snapshot.accounts, as_of.instant))
            held = await log.held(user_id)
        return gathering

    if warm is None:
        return replace(await read(plan), consent=held.consent)
    found = await warm.find(user_id, plan, held, as_of.instant)
    spent = 0
    if found is not None and found.look:
        looked = await read(ACCOUNTS_ONLY)
        spent = looked.calls
        found = found if _unmoved(found.gathering.snapshot, looked.snapshot) else None
        if found is not None:
            await warm.unchanged(user_id, held, looked.fetched)
    if found is not None:
        return replace(found.gathering, calls=spent)
    gathering = await read(plan)
    serves = plan if is_settled(gathering.snapshot) else None
    return replace(gathering, consent=held.consent, calls=gathering.calls + spent, plan=serves)


def _revoked_meanwhile(snapshot: Snapshot) -> bool:
    return any(fault.code is DataReason.CONSENT_REVOKED for fault in snapshot.account_faults)


def _unmoved(warm: Snapshot, now: Snapshot) -> bool:
    """Whether the vendor has neither moved an account nor collected anything since."""
    same = not now.account_faults and now.accounts == warm.accounts
    return same and (now.tasks is None or now.tasks == warm.tasks)


def withdrawn(user_id: str, gathering: FetchResult, consent: int) -> FetchResult:
    """What is left of a reading whose user withdrew consent meanwhile: nothing but that."""
    fault = Missing(Cause.CHANGED_WHILE_READING, DataReason.CONSENT_REVOKED, Kind.ACCOUNTS)
    empty = Snapshot(user_id, account_faults=(fault,))
    return replace(gathering, snapshot=empty, consent=consent, plan=None, body=None, mark=None)
