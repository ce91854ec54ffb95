"""Taking decisions out of the store: those that were kept long enough, or a user's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from decision_service.storage.decisions import microseconds
from decision_service.storage.rows import padded
from decision_service.storage.tables import (
    arm_decisions,
    decisions,
    shadow_results,
    snapshots,
    warm,
)

_TABLES = (arm_decisions, shadow_results, decisions)
_OLD = (
    select(decisions.c.decision_id)
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
_LEFT_OVER = (
    select(snapshots.c.user_id, snapshots.c.snapshot_id)
    .where(snapshots.c.stored < bindparam("before"), ~_DECIDED_ON)
    .limit(bindparam("most"))
)


def expire(connection: Connection, before: datetime, most: int) -> int:
    """Delete at most so many decisions made before an instant, oldest first; how many.

    Where none is left, snapshots go that were stored before it and that no decision rests on.
    """
    chosen = {"before": microseconds(before), "most": most}
    old = [row[0] for row in connection.execute(_OLD, chosen)]
    if old:
        _remove(connection, old)
        return len(old)
    left = [(row[0], row[1]) for row in connection.execute(_LEFT_OVER, chosen)]
    _remove_snapshots(connection, left)
    return len(left)


def remove_decisions(connection: Connection, user_id: str) -> None:
    """Delete every decision of a user."""
    found = connection.execute(
        select(decisions.c.decision_id).where(decisions.c.user_id == user_id)
    )
    _remove(connection, [row[0] for row in found])


def _remove(connection: Connection, ids: Sequence[str]) -> None:
    if not ids:
        return
    for table in _TABLES:
        column = table.c.decision_id
        chosen = column.in_(bindparam("ids", expanding=True))
        connection.execute(delete(table).where(chosen), {"ids": padded(ids)})


def _remove_snapshots(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    for key in keys:
        for table in (warm, snapshots):
            place = tuple_(table.c.user_id, table.c.snapshot_id)
            connection.execute(delete(table).where(place == key))
