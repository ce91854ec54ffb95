"""When factor values may change though the data does not: at ages that the policy bounds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from decision_service.domain.accounts import DISCONNECTED, MATTERS_FOR, PENDS_WITHIN, SYNCS_WITHIN
from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import Snapshot
from decision_service.factors.quality import EXPIRED_AFTER
from decision_service.factors.usage import sync_tasks

MOMENT = timedelta(microseconds=1)
"""An age that is reached on the instant turns values then, not after it."""


def validity_boundaries(snapshot: Snapshot, policy: DataPolicy) -> tuple[datetime, ...]:
    """The instants, in order, until which values hold (and after which they may differ).

    Between two of them `compute` depends on the civil date alone, whatever the instant: a sync is
    stale, and a kind without records expired, only after one of these. There may be more of them
    than matter, never fewer.
    """
    updates = [
        moment
        for a in snapshot.accounts
        for moment in (a.connection_updated_at, a.monitor_updated_at)
    ]
    items = [source.newest_created_at for source in snapshot.sources]
    created = [account.created_at for account in snapshot.accounts]
    tasks = list(sync_tasks(snapshot))
    gone = [a for a in snapshot.accounts if a.connection_status == DISCONNECTED]
    syncs = (*updates, *items, *(task.finished for task in tasks))
    points = {
        *_after(syncs, policy.max_age),
        *_after(created, EXPIRED_AFTER),
        *_after([task.started for task in tasks if task.runs], SYNCS_WITHIN - MOMENT),
        *_after(created if snapshot.tasks else (), SYNCS_WITHIN - MOMENT),
        *_after(created if snapshot.tasks else (), PENDS_WITHIN - MOMENT),
        *_after([account.connection_updated_at for account in gone], MATTERS_FOR),
    }
    return tuple(sorted(points))


def _after(moments: Iterable[datetime | None], span: timedelta) -> Iterable[datetime]:
    for moment in moments:
        if moment is not None and moment <= datetime.max.replace(tzinfo=moment.tzinfo) - span:
            yield moment + span
