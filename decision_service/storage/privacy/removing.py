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

DecisionPlace = tuple[str, int, str]
"""A decision by product, instant and id: where its row for its rollout is, too."""

PLACE = (decisions.c.product, decisions.c.created, decisions.c.decision_id)
_HELD_DECISIONS = (
    select(decisions.c.decision_id)
    .where(decisions.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(decisions.c.decision_id)
    .with_for_update()
)
_HELD_REVIEWS = (
    select(reviews.c.review_id)
    .where(reviews.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(reviews.c.review_id)
    .with_for_update()
)
_ARM_ROW = tuple_(*(arm_decisions.c[column.name] for column in PLACE))


def of_user(connection: Connection, user_id: str) -> Sequence[DecisionPlace]:
    """The places of a user's decisions, in order of id."""
    found = select(*PLACE).where(decisions.c.user_id == user_id)
    return places(connection.execute(found.order_by(decisions.c.decision_id)))


def hold(connection: Connection, rows: Sequence[DecisionPlace]) -> None:
    """Lock decisions and then their reviews until the transaction ends.

    Reports and reviews lock these before the history, which deletions change next: in another order
    each would wait for the other until the server gives up.
    """
    ids = padded([row[2] for row in rows])
    for held in (_HELD_DECISIONS, _HELD_REVIEWS):
        if ids:
            connection.execute(held, {"ids": ids})


def places(found: Iterable[Sequence[Any]]) -> Sequence[DecisionPlace]:
    """The places of rows with the columns of `PLACE`."""
    return [(row[0], row[1], row[2]) for row in found]


def remove(connection: Connection, rows: Sequence[DecisionPlace]) -> None:
    """Delete decisions by their places."""
    if not rows:
        return
    hold(connection, rows)
    arms = _ARM_ROW.in_(bindparam("rows", expanding=True))
    connection.execute(delete(arm_decisions).where(arms), {"rows": padded(rows)})
    ids = [row[2] for row in rows]
    gone = history.remove(connection, ids)
    for table in _TABLES:
        chosen = table.c.decision_id.in_(bindparam("ids", expanding=True))
        of = gone if table is loan_outcomes else ids
        connection.execute(delete(table).where(chosen), {"ids": padded(of)})
