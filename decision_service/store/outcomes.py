"""Lenders' reports of loans, and the history of the decisions that they rest on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from decision_service.casework.outcomes import (
    Compared,
    Lent,
    LoanOutcome,
    LoanStatus,
    OutcomePosition,
    Overdrawn,
    RecordedOutcome,
    ReportRelation,
    compare,
    overdrawn,
    replaced_until,
    require_replaceable,
)
from decision_service.decide.application import OWED, history_keys
from decision_service.domain.decision import Outcome
from decision_service.domain.values import Money
from decision_service.outbox.events import EventType
from decision_service.store import columns, outbox
from decision_service.store import decisions as decided
from decision_service.store.decisions import decisions, kept
from decision_service.store.engine import Subject, reads, writes
from decision_service.store.history import (
    DECIDED,
    history,
    keys_of,
    packed,
    remove,
    take_next,
    take_out,
)
from decision_service.store.history import history_keys as places

loan_outcomes = sa.Table(
    "loan_outcomes",
    columns.metadata,
    sa.Column("caller", columns.TEXT, primary_key=True),
    sa.Column("loan_id", columns.TEXT, primary_key=True),
    sa.Column("as_of", columns.TEXT, primary_key=True),
    sa.Column("decision_id", columns.TEXT, nullable=False),
    sa.Column("status", columns.TEXT, nullable=False),
    sa.Column("currency", columns.TEXT),
    sa.Column("disbursed", sa.BigInteger),
    sa.Column("disbursed_on", columns.TEXT),
    sa.Column("instalment", sa.BigInteger),
    sa.Column("repaid", sa.BigInteger),
    sa.Column("overdue_days", sa.BigInteger, nullable=False),
    sa.Column("reported", sa.BigInteger, nullable=False),
    sa.Column("replaces", columns.TEXT),
    sa.Index("loan_outcomes_decision_id", "decision_id"),
    info=columns.of_person("decision_id", columns.ErasedBy.DECISIONS),
)
"""Every report of every loan, deleted with its decision, whose caller `caller` is.

Days are `YYYY-MM-DD`, amounts minor units of `currency`; `reported` is when the report came.
`replaces` is the loan of the same decision that counts no more up to that day.
"""


_HELD = (
    sa.select(history.c.decision_id)
    .where(history.c.decision_id == sa.bindparam("decision_id"))
    .with_for_update()
)
_REVIEWED = sa.select(history.c.reviewed).where(
    history.c.decision_id == sa.bindparam("decision_id")
)
_LENT = sa.select(history).where(history.c.decision_id == sa.bindparam("decision_id"))
_DECISION = sa.select(
    decisions.c.decision_id,
    decisions.c.user_id,
    decisions.c.caller,
    decisions.c.customer_ref,
    decisions.c.product,
    decisions.c.outcome,
    decisions.c.created,
).where(decisions.c.decision_id == sa.bindparam("decision_id"))

_ALL = sa.select(loan_outcomes)
_OF_LOAN = _ALL.where(
    loan_outcomes.c.caller == sa.bindparam("caller"),
    loan_outcomes.c.loan_id == sa.bindparam("loan_id"),
)
_OF_DAY = sa.delete(loan_outcomes).where(
    loan_outcomes.c.caller == sa.bindparam("of"),
    loan_outcomes.c.loan_id == sa.bindparam("loan"),
    loan_outcomes.c.as_of == sa.bindparam("day"),
)
_OF_DECISION = _ALL.where(loan_outcomes.c.decision_id == sa.bindparam("decision_id")).order_by(
    loan_outcomes.c.loan_id, loan_outcomes.c.as_of
)


_SILENT = (
    sa.select(places.c.decision_id)
    .where(
        # Keys of these kinds sort behind all others, so that one range of the index has them.
        places.c.key >= min(OWED),
        ~sa.exists().where(
            loan_outcomes.c.decision_id == places.c.decision_id,
            loan_outcomes.c.reported >= sa.bindparam("before"),
        ),
    )
    .distinct()
    .limit(sa.bindparam("most"))
)


def of(connection: sa.Connection, decision_id: str) -> Lent | None:
    row = connection.execute(_LENT, {"decision_id": decision_id}).first()
    if row is None:
        return None
    # Where nothing was approved, any payment is more than was approved.
    approved = row.approved if row.outcome == Outcome.APPROVE else 0
    if row.outcome == Outcome.NOT_ENROLLED:
        # Outside the go-live the service judged nothing: there is no amount to compare with.
        approved = None
    return Lent(row.caller, columns.from_microseconds(row.created), row.currency, approved=approved)


def held(connection: sa.Connection, decision_id: str) -> bool:
    """Whether a decision has a place in the history, which it has until the transaction ends."""
    return connection.execute(_HELD, {"decision_id": decision_id}).first() is not None


def hold(connection: sa.Connection, decision_id: str, currency: str | None) -> None:
    """Have a decision's place in the history until the transaction ends.

    A decision that has none is entered under its user and customer, where a `currency` says that
    something was lent on it.
    """
    if held(connection, decision_id) or currency is None:
        return
    row = connection.execute(_DECISION, {"decision_id": decision_id}).mappings().one()
    keys = history_keys(row["user_id"], row["caller"], row["customer_ref"]).all
    entered = {**row, "currency": currency, "found_by": packed(keys)}
    if columns.insert_new(connection, history, [entered]):
        for key in keys:
            take_next(connection, key, decision_id)
    held(connection, decision_id)


def record(
    connection: sa.Connection,
    report: LoanOutcome,
    caller: str,
    now: datetime,
    *,
    correction: bool = False,
) -> Compared | None:
    decision_id = report.decision_id
    is_kept = bool(kept(connection, [decision_id]))
    if not is_kept and not held(connection, decision_id):
        return None
    # A report is compared with the earlier ones of its loan: two must not be compared at once.
    _wait_for_turn(connection, caller, report.loan_id)
    earlier = of_loan(connection, caller, report.loan_id)
    compared = compare(report, earlier, correction=correction)
    if not compared.comparison.is_new:
        state = overdrawn_of(connection, decision_id)
        return Compared(compared.comparison, compared.newest, state)
    # Two loans of one decision are added up one after another: both are read under its lock.
    hold(connection, decision_id, _currency(report))
    before = [one.report for one in of_decision(connection, decision_id)]
    place = report.loan_id, report.as_of
    others = [one for one in before if (one.loan_id, one.as_of) != place]
    named = of_loan(connection, caller, report.replaces) if report.replaces else []
    require_replaceable(report, others, named)
    if compared.comparison is ReportRelation.CORRECTED:
        day = {"of": caller, "loan": report.loan_id, "day": report.as_of.isoformat()}
        connection.execute(_OF_DAY, day)
    other = {
        "caller": caller,
        "reported": columns.microseconds(now),
        "currency": _currency(report),
        "replaces": report.replaces or None,
    }
    connection.execute(sa.insert(loan_outcomes), columns.as_row(loan_outcomes, report, **other))
    lent = of(connection, decision_id)
    was = overdrawn(before, lent)
    is_now = overdrawn([*others, report], lent)
    drew_more = is_now is not None and (was is None or is_now.paid_out.minor > was.paid_out.minor)
    # Of an erased decision no event is left behind, which nothing would delete.
    if drew_more and is_kept:
        of_report = f"{caller} {report.loan_id} {report.as_of} {other['reported']}"
        whose = (caller, decision_id)
        event = outbox.row(EventType.LOAN_OVERDRAWN, of_report, now, whose=whose)
        outbox.record(connection, [event])
    found = newest(connection, decision_id)
    report_of(connection, decision_id, [one.report for one in found])
    _keep_for(connection, decision_id, found)
    return Compared(compared.comparison, compared.newest, is_now, drew_more=drew_more)


def _keep_for(
    connection: sa.Connection, decision_id: str, found: Sequence[RecordedOutcome]
) -> None:
    """Have a decision kept while a loan of it is open, and then from when the last was closed."""
    lent = [one for one in found if one.report.status is not LoanStatus.NOT_TAKEN_UP]
    if not lent:
        reviewed = connection.execute(_REVIEWED, {"decision_id": decision_id}).scalar()
        decided.count_without_loans(connection, decision_id, reviewed)
    elif any(one.report.status is LoanStatus.BOOKED for one in lent):
        decided.count_from_loans(connection, decision_id, decided.OPEN)
    else:
        # From when the report came: the day that it is true of may be long before, or wrong.
        closed = max(columns.microseconds(one.reported) for one in lent)
        decided.count_from_loans(connection, decision_id, closed)


def report_of(connection: sa.Connection, decision_id: str, newest: Sequence[LoanOutcome]) -> None:
    """Set what the newest reports come to; once no loan is open, what an erasure left goes."""
    chosen = sa.update(history).where(history.c.decision_id == decision_id)
    open_ = [one for one in newest if one.status is LoanStatus.BOOKED]
    left = [(_outstanding(one), one) for one in open_]
    connection.execute(
        chosen.values(
            outstanding=sum(amount for amount, _ in left),
            due=sum(one.instalment.minor for amount, one in left if amount and one.instalment),
            open_loans=sum(1 for amount, _ in left if amount),
            overdue_loans=sum(
                # It is open no more, and yet was never repaid.
                one.status is LoanStatus.CHARGED_OFF or bool(one.overdue_days)
                for one in newest
            ),
            repaid_loans=sum(one.status is LoanStatus.REPAID for one in newest),
            drawn=_drawn(newest),
        )
    )
    if not any(amount for amount, _ in left):
        settle(connection, [decision_id])


def _owed(keys: Sequence[bytes]) -> list[bytes]:
    return [key for key in keys if key[:1] in OWED]


def settle(connection: sa.Connection, decision_ids: Sequence[str]) -> None:
    """Delete what an erasure left of loans, and where their decision is gone all of them."""
    keys = keys_of(connection, decision_ids) if decision_ids else {}
    owed = {one: _owed(of) for one, of in keys.items()}
    settled = sorted(one for one, of in owed.items() if of)
    for one in settled:
        take_out(connection, one, keys[one], gone=owed[one])
    if settled:
        ids = {"ids": columns.padded(settled)}
        gone = sorted({*settled}.difference(connection.execute(DECIDED, ids).scalars()))
        remove(connection, gone)
        chosen = loan_outcomes.c.decision_id.in_(gone)
        connection.execute(sa.delete(loan_outcomes).where(chosen))


def settle_silent(connection: sa.Connection, before: int, most: int) -> None:
    """Settle at most so many loans that were last reported on before an instant."""
    silent = connection.execute(_SILENT, {"before": before, "most": most}).scalars()
    settle(connection, silent.all())


def of_loan(connection: sa.Connection, caller: str, loan_id: str) -> Sequence[LoanOutcome]:
    rows = connection.execute(_OF_LOAN, {"caller": caller, "loan_id": loan_id})
    return [*map(_outcome, rows)]


def of_decision(connection: sa.Connection, decision_id: str) -> Sequence[RecordedOutcome]:
    """Every report on a decision, by loan and day."""
    rows = connection.execute(_OF_DECISION, {"decision_id": decision_id})
    found = [*map(recorded_of, rows)]
    until = replaced_until([one.report for one in found])
    last = [until.get(one.report.loan_id, date.min) for one in found]
    return [
        replace(one, replaced=one.report.as_of <= day) for one, day in zip(found, last, strict=True)
    ]


def newest(connection: sa.Connection, decision_id: str) -> Sequence[RecordedOutcome]:
    """The newest report of each loan of a decision that no other loan replaces."""
    found = of_decision(connection, decision_id)
    return [*{one.report.loan_id: one for one in found if not one.replaced}.values()]


def overdrawn_of(connection: sa.Connection, decision_id: str) -> Overdrawn | None:
    found = [one.report for one in of_decision(connection, decision_id)]
    return overdrawn(found, of(connection, decision_id)) if found else None


def listed(
    connection: sa.Connection, decision_id: str, after: OutcomePosition | None, limit: int
) -> Sequence[RecordedOutcome]:
    found = sorted(of_decision(connection, decision_id), key=_place)
    start = 0 if after is None else bisect_right(found, (after.as_of, after.loan_id), key=_place)
    return found[start : start + limit]


def _wait_for_turn(connection: sa.Connection, caller: str, loan_id: str) -> None:
    """Let no other transaction report on the loan until this one ends."""
    # A file of SQLite has one writer, so that its turn has come already.
    if connection.dialect.name == "postgresql":
        loan = sa.func.hashtextextended(f"{caller} {loan_id}", 0)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(loan)))


def _place(one: RecordedOutcome) -> tuple[date, str]:
    return one.report.as_of, one.report.loan_id


def _currency(report: LoanOutcome) -> str | None:
    """That of the amounts, which all have one; None where there is none."""
    amounts = report.disbursed, report.instalment, report.repaid
    return next((amount.currency for amount in amounts if amount is not None), None)


def recorded_of(row: sa.Row[Any]) -> RecordedOutcome:
    return RecordedOutcome(_outcome(row), columns.from_microseconds(row.reported))


def _outcome(row: sa.Row[Any]) -> LoanOutcome:
    def amount(minor: int | None) -> Money | None:
        return None if minor is None else Money(row.currency, minor)

    return LoanOutcome(
        row.decision_id,
        row.loan_id,
        date.fromisoformat(row.as_of),
        status=LoanStatus(row.status),
        disbursed=amount(row.disbursed),
        disbursed_on=row.disbursed_on and date.fromisoformat(row.disbursed_on),
        instalment=amount(row.instalment),
        repaid=amount(row.repaid),
        overdue_days=row.overdue_days,
        replaces=row.replaces or "",
    )


def _outstanding(one: LoanOutcome) -> int:
    paid = one.repaid.minor if one.repaid else 0
    return max(one.disbursed.minor - paid, 0) if one.disbursed else 0


def _drawn(newest: Sequence[LoanOutcome]) -> int | None:
    """What was paid out of an offer; None where the reports leave nothing of it."""
    # What is not taken up will not be drawn, so that no rest of the offer counts.
    if any(one.status is LoanStatus.NOT_TAKEN_UP for one in newest):
        return None
    amounts = [one.disbursed.minor for one in newest if one.disbursed]
    return sum(amounts) if len(amounts) == len(newest) else None


class Outcomes(Subject):
    lent = reads(of)
    record_outcome = writes(record, repeatable=True)
    list_outcomes = reads(listed)
    overdrawn = reads(overdrawn_of)
