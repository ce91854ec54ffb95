"""Deletion of decisions: expired ones, or all of one user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from decision_service.storage.queries import history
from decision_service.storage.queries.decisions import microseconds
from decision_service.storage.queries.dialect import padded
from decision_service.storage.schema.tables import (
    arm_decisions,
    backtest_runs,
    decisions,
    loan_outcomes,
    notices,
    review_events,
    reviews,
    shadow_results,
    snapshots,
    warm,
)

_TABLES = (shadow_results, decisions, loan_outcomes, notices, reviews, review_events)
"""Outcomes and letters come after their decisions, and the history after all of them: the deletion
of a decision waits for what is being recorded of it, which takes its row in the history."""

_Row = tuple[str, int, str]
"""A decision by product, instant and id: where its row for its rollout is, too."""

_ROW = (decisions.c.product, decisions.c.created, decisions.c.decision_id)
_ARM_ROW = tuple_(*(arm_decisions.c[column.name] for column in _ROW))
_OLD = (
    select(*_ROW)
    .where(decisions.c.created < bindparam("before"))
    .order_by(decisions.c.created, decisions.c.decision_id)
    .limit(bindparam("most"))
)
_DECIDED_ON = (
    select(decisions.c.decision_id)
    .where(
        decisions.c.user_id == snapshots.c.user_id,
        decisions.c.snapshot_id == snapshots.c.snapshot_id,
    )
    .exists()
)
_PLACE = tuple_(snapshots.c.user_id, snapshots.c.snapshot_id)
_MARKED = tuple_(warm.c.user_id, warm.c.snapshot_id)
_LEFT_OVER = (
    select(snapshots.c.user_id, snapshots.c.snapshot_id)
    .where(snapshots.c.stored < bindparam("before"), ~_DECIDED_ON)
    .limit(bindparam("most"))
)


def expire(connection: Connection, before: datetime, most: int) -> int:
    """Delete at most so many decisions made before an instant, oldest first; how many.

    Where none is left, snapshots go that were stored before it and that no decision rests on, and
    backtests that ended before it.
    """
    chosen = {"before": microseconds(before), "most": most}
    old = _rows(connection.execute(_OLD, chosen))
    if old:
        _remove(connection, old)
        return len(old)
    _remove_backtests(connection, chosen["before"])
    left = [(row[0], row[1]) for row in connection.execute(_LEFT_OVER, chosen)]
    _remove_snapshots(connection, left)
    return len(left)


def remove_decisions(connection: Connection, user_id: str) -> None:
    """Delete every decision of a user."""
    found = connection.execute(select(*_ROW).where(decisions.c.user_id == user_id))
    _remove(connection, _rows(found))


def _rows(found: Iterable[Sequence[Any]]) -> Sequence[_Row]:
    return [(row[0], row[1], row[2]) for row in found]


def _remove(connection: Connection, rows: Sequence[_Row]) -> None:
    if not rows:
        return
    arms = _ARM_ROW.in_(bindparam("rows", expanding=True))
    connection.execute(delete(arm_decisions).where(arms), {"rows": padded(rows)})
    ids = [row[2] for row in rows]
    for table in _TABLES:
        column = table.c.decision_id
        chosen = column.in_(bindparam("ids", expanding=True))
        connection.execute(delete(table).where(chosen), {"ids": padded(ids)})
    history.remove(connection, ids)


def _remove_backtests(connection: Connection, before: int) -> None:
    ended = select(backtest_runs.c.run_id).where(backtest_runs.c.ended < before)
    for run_id in connection.execute(ended).scalars().all():
        connection.execute(delete(backtest_runs).where(backtest_runs.c.run_id == run_id))


def _remove_snapshots(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Delete snapshots and their warm marks, unless a decision needs them.

    The first two statements wait for commits that look whether it is there; the last one, which
    begins after them, sees their decisions.
    """
    for key in keys:
        connection.execute(delete(warm).where(_MARKED.in_([key])))
        connection.execute(select(snapshots.c.user_id).where(_PLACE.in_([key])).with_for_update())
        connection.execute(delete(snapshots).where(_PLACE.in_([key]), ~_DECIDED_ON))
