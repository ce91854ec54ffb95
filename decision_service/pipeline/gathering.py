"""Gathering what a ruleset needs of one applicant; the same for decisions and dry runs."""

from __future__ import annotations

from dataclasses import replace

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.needs import Needs
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.plan import fetch_plan
from decision_service.pipeline.ports import DecisionLog, Gathering, SnapshotSource


async def gather_for(
    user_id: str,
    needs: Needs,
    as_of: AsOf,
    *,
    source: SnapshotSource,
    log: DecisionLog,
    stop_at: float,
    wait_until: float,
) -> Gathering:
    """Read the applicant's data; raises as `SnapshotSource.gather` and `DecisionLog.held` do."""
    held = await log.held(user_id)
    gathering = await source.gather(
        user_id,
        fetch_plan(needs, as_of),
        as_of=as_of.instant,
        stop_at=stop_at,
        wait_until=wait_until,
        known=held.counts,
        fallback=needs.policy.provider_types,
    )
    return replace(gathering, consent=held.consent)


def withdrawn(user_id: str, gathering: Gathering, consent: int) -> Gathering:
    """What is left of a reading whose user withdrew consent meanwhile: nothing but that."""
    fault = Missing(Cause.CHANGED_WHILE_READING, DataReason.CONSENT_REVOKED, Kind.ACCOUNTS)
    empty = Snapshot(user_id, account_faults=(fault,))
    return replace(gathering, snapshot=empty, consent=consent)
