"""Gathering what a ruleset needs of one applicant; the same for decisions and dry runs."""

from __future__ import annotations

from decision_service.domain.needs import Needs
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
    """Read the applicant's data; raises as `SnapshotSource.gather` and `DecisionLog.known` do."""
    return await source.gather(
        user_id,
        fetch_plan(needs, as_of),
        as_of=as_of.instant,
        stop_at=stop_at,
        wait_until=wait_until,
        known=await log.known(user_id),
        fallback=needs.policy.provider_types,
    )
