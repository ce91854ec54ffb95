"""Deletion of decisions with all that belongs to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from decision_service.storage.queries import history
from decision_service.storage.queries.dialect import padded
from decision_service.storage.schema.tables import (
    arm_decisions,
    decisions,
    loan_outcomes,
    notices,
    review_events,
    reviews,
    shadow_results,
)

_TABLES = (shadow_results, decisions, loan_outcomes, notices, reviews, review_events)
"""Outcomes and letters come after their decisions, whose deletion waits for what is being recorded
of them."""

DecisionPlace = tuple[str, int, str]
"""A decision by product, instant and id: where its row for its rollout is, too."""

PLACE = (decisions.c.product, decisions.c.created, decisions.c.decision_id)
_ARM_ROW = tuple_(*(arm_decisions.c[column.name] for column in PLACE))


def remove_decisions(connection: Connection, user_id: str) -> None:
    """Delete every decision of a user."""
    found = connection.execute(select(*PLACE).where(decisions.c.user_id == user_id))
    remove(connection, places(found))


def places(found: Iterable[Sequence[Any]]) -> Sequence[DecisionPlace]:
    """The places of rows with the columns of `PLACE`."""
    return [(row[0], row[1], row[2]) for row in found]


def remove(connection: Connection, rows: Sequence[DecisionPlace]) -> None:
    """Delete decisions by their places."""
    if not rows:
        return
    arms = _ARM_ROW.in_(bindparam("rows", expanding=True))
    connection.execute(delete(arm_decisions).where(arms), {"rows": padded(rows)})
    ids = [row[2] for row in rows]
    history.remove(connection, ids)
    for table in _TABLES:
        column = table.c.decision_id
        chosen = column.in_(bindparam("ids", expanding=True))
        connection.execute(delete(table).where(chosen), {"ids": padded(ids)})
