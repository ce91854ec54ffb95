"""Recorded applicants by ranges of time: each by the first decision in a window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, select, tuple_

from decision_service.domain.verdict import Outcome
from decision_service.impact.applicant import KnownLoan
from decision_service.pipeline.backtest.ports import KeyRange, RangeCounts, RecordedApplicant
from decision_service.pipeline.ports import PagePosition
from decision_service.storage.queries.decisions import entry_of, microseconds
from decision_service.storage.schema.tables import decisions, history

_ROW = decisions.c
_NOT_ENROLLED = Outcome.NOT_ENROLLED.value
_PLACE = tuple_(_ROW.created, _ROW.decision_id)
_EARLIER = decisions.alias("earlier").c
_NOT_ENROLLED = Outcome.NOT_ENROLLED.value
_PLACE = tuple_(_ROW.created, _ROW.decision_id)
_REPEATED = exists().where(
    _EARLIER.user_id == _ROW.user_id,
    # As an expression, since by the index of products SQLite would read all earlier decisions.
    _EARLIER.product + "" == _ROW.product,
    _EARLIER.outcome != _NOT_ENROLLED,
    _EARLIER.created >= bindparam("window"),
    tuple_(_EARLIER.created, _EARLIER.decision_id) < _PLACE,
)
_IN_RANGE = (
    _ROW.product == bindparam("product"),
    _ROW.created >= bindparam("since"),
    _ROW.created < bindparam("before"),
)
_LOANS = (
    history.c.overdue_loans,
    history.c.open_loans,
    history.c.repaid_loans,
    history.c.drawn,
)
_FIRSTS = (
    select(*decisions.c, *_LOANS)
    .outerjoin(history, history.c.decision_id == _ROW.decision_id)
    .where(*_IN_RANGE, _ROW.outcome != _NOT_ENROLLED, ~_REPEATED)
    .order_by(_ROW.created, _ROW.decision_id)
    .limit(bindparam("most"))
)
_AFTER = _FIRSTS.where(tuple_(bindparam("created"), bindparam("decision_id")) < _PLACE)
_COUNTS = select(
    func.count().filter(_ROW.outcome != _NOT_ENROLLED),
    func.count().filter(_ROW.outcome == _NOT_ENROLLED),
).where(*_IN_RANGE)
_EDGES = select(func.min(_ROW.created), func.max(_ROW.created)).where(*_IN_RANGE)


def applicants(
    connection: Connection,
    product: str,
    chosen: KeyRange,
    window: datetime,
    after: PagePosition | None,
    limit: int,
) -> Sequence[RecordedApplicant]:
    given: dict[str, Any] = {"window": microseconds(window), "most": limit}
    given |= _range(product, chosen)
    if after is None:
        return [_applicant(row) for row in connection.execute(_FIRSTS, given)]
    reached = microseconds(after.created)
    given |= {"since": reached, "created": reached, "decision_id": after.decision_id}
    return [_applicant(row) for row in connection.execute(_AFTER, given)]


def counts(connection: Connection, product: str, chosen: KeyRange) -> RangeCounts:
    """How many decisions a range has, by rules and outside the go-live."""
    decided, not_enrolled = connection.execute(_COUNTS, _range(product, chosen)).one()
    return RangeCounts(decided, not_enrolled)


def edges(connection: Connection, product: str, chosen: KeyRange) -> tuple[int, int] | None:
    """The instants of the first and the last decision of a range, in microseconds."""
    found = connection.execute(_EDGES, _range(product, chosen)).one()
    return None if found[0] is None else (found[0], found[1])


def _range(product: str, chosen: KeyRange) -> dict[str, Any]:
    since, before = microseconds(chosen.since), microseconds(chosen.before)
    return {"product": product, "since": since, "before": before}


def _applicant(row: Sequence[Any]) -> RecordedApplicant:
    columns, loans = row[: -len(_LOANS)], row[-len(_LOANS) :]
    # Without any of these no loan was reported, or none was taken up.
    loan = KnownLoan(bad=bool(loans[0])) if any(loans) else None
    return RecordedApplicant(entry_of(columns), loan)
