"""Reports of loans, how they compare with earlier ones, and what recording needs of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum, StrEnum, auto
from typing import Protocol

import msgspec

from decision_service.domain.money import Money


class LoanStatus(StrEnum):
    """How a loan stands; REPAID and CHARGED_OFF are closed, NOT_TAKEN_UP was never paid out."""

    BOOKED = "BOOKED"
    NOT_TAKEN_UP = "NOT_TAKEN_UP"
    REPAID = "REPAID"
    CHARGED_OFF = "CHARGED_OFF"


class LoanOutcome(msgspec.Struct, frozen=True):
    """A lender's report of how a loan stands on the day `as_of`, complete in itself.

    `repaid` is principal, so far. All amounts have one currency and are not negative.
    """

    decision_id: str
    loan_id: str
    as_of: date
    status: LoanStatus
    disbursed: Money | None = None
    disbursed_on: date | None = None
    instalment: Money | None = None
    repaid: Money | None = None
    overdue_days: int = 0


class RecordedOutcome(msgspec.Struct, frozen=True):
    """A report, and when it came."""

    report: LoanOutcome
    reported: datetime


class Lent(msgspec.Struct, frozen=True):
    """What a loan rests on: its decision, or what the history has of one that was erased.

    `approved` is in minor units of `currency`, None where nothing was approved. `term` is what was
    asked for in months, 1 where nothing is left of that.
    """

    caller: str
    decided: datetime
    currency: str | None
    approved: int | None
    term: object = 1


class OutcomePosition(msgspec.Struct, frozen=True):
    """Where a page of reports ended: by day, then by loan."""

    as_of: date
    loan_id: str


class ReportRelation(Enum):
    """What a report is beside the earlier ones of its loan; the first three are to be recorded."""

    NEWEST = auto()
    OLDER = auto()
    CORRECTED = auto()
    REPEATED = auto()
    CONTRADICTS = auto()
    OTHER_DECISION = auto()

    @property
    def is_new(self) -> bool:
        """Whether the report is to be recorded."""
        return self in {ReportRelation.NEWEST, ReportRelation.OLDER, ReportRelation.CORRECTED}


class Compared(msgspec.Struct, frozen=True):
    """A report's comparison, and the newest report of its loan with this one counted."""

    comparison: ReportRelation
    newest: LoanOutcome


def compare(
    report: LoanOutcome, earlier: Sequence[LoanOutcome], *, correction: bool = False
) -> Compared:
    """Compare a report with all that were recorded of its loan, in any order.

    A `correction` takes the place of another one of its day.
    """
    newest = max((report, *earlier), key=lambda one: one.as_of)
    same_day = next((one for one in earlier if one.as_of == report.as_of), None)
    if any(one.decision_id != report.decision_id for one in earlier):
        return Compared(ReportRelation.OTHER_DECISION, newest)
    if same_day is not None:
        if same_day == report:
            return Compared(ReportRelation.REPEATED, newest)
        other = ReportRelation.CORRECTED if correction else ReportRelation.CONTRADICTS
        return Compared(other, newest)
    return Compared(ReportRelation.NEWEST if newest is report else ReportRelation.OLDER, newest)


class OutcomeLog(Protocol):
    """The durable reports; every method raises StoreUnavailable."""

    async def lent(self, decision_id: str) -> Lent | None:
        """What a loan rests on; None where the history has nothing of it."""

    async def record_outcome(
        self, report: LoanOutcome, caller: str, now: datetime, *, correction: bool = False
    ) -> Compared | None:
        """Compare a report with those of the caller's loan and store a new one, in one transaction.

        Durable on return, and one after another for each loan, over all processes. None where
        neither the decision nor an open loan of it is stored any more; then nothing is.
        """

    async def list_outcomes(
        self, decision_id: str, after: OutcomePosition | None, limit: int
    ) -> Sequence[RecordedOutcome]:
        """At most `limit` reports of a decision's loans, by day and loan, after the position."""
