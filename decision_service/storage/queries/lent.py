"""The history of a decision whose loan is reported, wherever it was decided."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from decision_service.domain.verdict import Outcome
from decision_service.pipeline.history.keys import history_keys
from decision_service.pipeline.outcomes.ports import Lent
from decision_service.storage.queries.decisions import from_microseconds
from decision_service.storage.queries.dialect import insert_new
from decision_service.storage.queries.history import packed, take_next
from decision_service.storage.schema.tables import decisions, history

_HELD = (
    select(history.c.decision_id)
    .where(history.c.decision_id == bindparam("decision_id"))
    .with_for_update()
)
_LENT = select(history).where(history.c.decision_id == bindparam("decision_id"))
_DECISION = select(
    decisions.c.decision_id,
    decisions.c.user_id,
    decisions.c.caller,
    decisions.c.customer_ref,
    decisions.c.product,
    decisions.c.outcome,
    decisions.c.created,
).where(decisions.c.decision_id == bindparam("decision_id"))


def of(connection: Connection, decision_id: str) -> Lent | None:
    """As `OutcomeLog.lent`."""
    row = connection.execute(_LENT, {"decision_id": decision_id}).first()
    if row is None:
        return None
    approved = row.approved if row.outcome == Outcome.APPROVE else None
    return Lent(row.caller, from_microseconds(row.created), row.currency, approved)


def held(connection: Connection, decision_id: str) -> bool:
    """Whether a decision has a place in the history, which it has until the transaction ends."""
    return connection.execute(_HELD, {"decision_id": decision_id}).first() is not None


def hold(connection: Connection, decision_id: str, currency: str | None) -> None:
    """Have a decision's place in the history until the transaction ends.

    A decision that has none is entered under its user and customer, where a `currency` says that
    something was lent on it.
    """
    if not held(connection, decision_id) and currency is not None:
        _enter(connection, decision_id, currency)
        held(connection, decision_id)


def _enter(connection: Connection, decision_id: str, currency: str) -> None:
    row = connection.execute(_DECISION, {"decision_id": decision_id}).mappings().one()
    keys = history_keys(row["user_id"], row["caller"], row["customer_ref"]).all
    entered = {**row, "currency": currency, "found_by": packed(keys)}
    if insert_new(connection, history, [entered]):
        for key in keys:
            take_next(connection, key, decision_id)
