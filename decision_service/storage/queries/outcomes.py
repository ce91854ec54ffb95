"""Lenders' reports of loans: every one is kept, and the newest of each loan found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, tuple_

from decision_service.domain.money import Money
from decision_service.pipeline.outcomes.ports import (
    Compared,
    LoanOutcome,
    LoanStatus,
    OutcomePosition,
    RecordedOutcome,
    ReportRelation,
    compare,
)
from decision_service.storage.queries import history, lent
from decision_service.storage.queries.decisions import from_microseconds, kept, microseconds
from decision_service.storage.schema.tables import loan_outcomes

_ALL = select(loan_outcomes)
_OF_LOAN = _ALL.where(
    loan_outcomes.c.caller == bindparam("caller"), loan_outcomes.c.loan_id == bindparam("loan_id")
)
_OF_DAY = delete(loan_outcomes).where(
    loan_outcomes.c.caller == bindparam("of"),
    loan_outcomes.c.loan_id == bindparam("loan"),
    loan_outcomes.c.as_of == bindparam("day"),
)
_OF_DECISION = _ALL.where(loan_outcomes.c.decision_id == bindparam("decision_id")).order_by(
    loan_outcomes.c.loan_id, loan_outcomes.c.as_of
)


def record(
    connection: Connection, report: LoanOutcome, caller: str, now: datetime, *, correction: bool
) -> Compared | None:
    """As `OutcomeLog.record_outcome`."""
    if not kept(connection, [report.decision_id]) and not lent.held(connection, report.decision_id):
        return None
    _wait_for_turn(connection, caller, report.loan_id)
    earlier = of_loan(connection, caller, report.loan_id)
    compared = compare(report, earlier, correction=correction)
    if compared.comparison is ReportRelation.CORRECTED:
        day = {"of": caller, "loan": report.loan_id, "day": report.as_of.isoformat()}
        connection.execute(_OF_DAY, day)
    if compared.comparison.is_new:
        row = _row(report) | {"caller": caller, "reported": microseconds(now)}
        lent.hold(connection, report.decision_id, _currency(report))
        connection.execute(insert(loan_outcomes), row)
        history.report(connection, report.decision_id, newest(connection, report.decision_id))
    return compared


def of_loan(connection: Connection, caller: str, loan_id: str) -> Sequence[LoanOutcome]:
    """Every report of a caller's loan."""
    rows = connection.execute(_OF_LOAN, {"caller": caller, "loan_id": loan_id})
    return [*map(_outcome, rows)]


def newest(connection: Connection, decision_id: str) -> Sequence[LoanOutcome]:
    """The newest report of each loan that rests on a decision, by loan id."""
    rows = connection.execute(_OF_DECISION, {"decision_id": decision_id})
    return [*{one.loan_id: one for one in map(_outcome, rows)}.values()]


def listed(
    connection: Connection, decision_id: str, after: OutcomePosition | None, limit: int
) -> Sequence[RecordedOutcome]:
    """As `OutcomeLog.list_outcomes`."""
    place = loan_outcomes.c.as_of, loan_outcomes.c.loan_id
    query = _ALL.where(loan_outcomes.c.decision_id == decision_id)
    if after is not None:
        query = query.where(tuple_(*place) > (after.as_of.isoformat(), after.loan_id))
    rows = connection.execute(query.order_by(*place).limit(limit))
    return [RecordedOutcome(_outcome(row), from_microseconds(row.reported)) for row in rows]


def _wait_for_turn(connection: Connection, caller: str, loan_id: str) -> None:
    """Until the transaction ends, nobody else may report on the loan; SQLite has one writer."""
    if connection.dialect.name == "postgresql":
        loan = func.hashtextextended(f"{caller} {loan_id}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(loan)))


def _row(report: LoanOutcome) -> dict[str, object]:
    amounts = report.disbursed, report.instalment, report.repaid
    disbursed, instalment, repaid = (amount and amount.minor for amount in amounts)
    return {
        "decision_id": report.decision_id,
        "loan_id": report.loan_id,
        "as_of": report.as_of.isoformat(),
        "status": report.status.value,
        "currency": _currency(report),
        "disbursed": disbursed,
        "disbursed_on": report.disbursed_on and report.disbursed_on.isoformat(),
        "instalment": instalment,
        "repaid": repaid,
        "overdue_days": report.overdue_days,
    }


def _currency(report: LoanOutcome) -> str | None:
    """That of the amounts, which all have one; None where there is none."""
    amounts = report.disbursed, report.instalment, report.repaid
    return next((amount.currency for amount in amounts if amount is not None), None)


def _outcome(row: Row[Any]) -> LoanOutcome:
    def amount(minor: int | None) -> Money | None:
        return None if minor is None else Money(row.currency, minor)

    return LoanOutcome(
        row.decision_id,
        row.loan_id,
        date.fromisoformat(row.as_of),
        LoanStatus(row.status),
        amount(row.disbursed),
        row.disbursed_on and date.fromisoformat(row.disbursed_on),
        amount(row.instalment),
        amount(row.repaid),
        row.overdue_days,
    )
