"""A loan that rests on a decision, as a lender reports it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

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
