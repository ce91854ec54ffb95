"""One applicant as two sets of rules judge her; nothing here names the person."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from decision_service.domain.verdict import Outcome, ReferKind


class LeftOut(StrEnum):
    """Why an applicant cannot be compared; counted by kind, and never as a decline."""

    ERASED = "data erased"
    FACTOR_NOT_RECORDED = "factor never recorded"
    DATA_NOT_READ = "data that the decision did not read"
    INPUT_NOT_SENT = "input not sent"
    RECORD_UNREADABLE = "record not readable"
    RULES_UNKNOWN = "rules of the decision not at hand"
    RULE_ERROR = "the rules ended in an error"

    __hash__ = str.__hash__


class NotCompared(msgspec.Struct, frozen=True):
    """Why an applicant cannot be compared, and the factors that were lacking."""

    why: LeftOut
    lacking: tuple[str, ...] = ()


class Side(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one set of rules concluded; amounts in minor units, None where nothing is approved.

    `codes` are the reasons, the principal one first. `reduced` tells an offer below the request.
    """

    outcome: Outcome
    kind: ReferKind | None = None
    amount: int | None = None
    instalment: int | None = None
    reduced: bool = False
    codes: tuple[str, ...] = ()

    @property
    def approved(self) -> bool:
        """Whether this side approves."""
        return self.outcome is Outcome.APPROVE


class KnownLoan(msgspec.Struct, frozen=True, array_like=True):
    """A loan that came of the recorded decision: whether it went bad."""

    bad: bool


class JudgedApplicant(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An applicant's first decision in the window, as judged before and after the change.

    `causes` name the parts of the rules that took effect differently, in the order of evaluation;
    `cells` pair each dimension with the applicant's cell of it, such as (`month`, `2026-10`).
    `points` are what the points of a sweep conclude, in their order; `margins` those of margins;
    `dated` are the conclusions of the day before each change of dated figures, and of that day.
    """

    decision_id: str
    before: Side
    after: Side
    causes: tuple[str, ...] = ()
    cells: tuple[tuple[str, str], ...] = ()
    loan: KnownLoan | None = None
    points: tuple[Side, ...] = ()
    margins: tuple[Side, ...] = ()
    dated: tuple[tuple[date, Side, Side], ...] = ()

    @property
    def changed(self) -> bool:
        """Whether outcome or approved amount differ."""
        return (self.before.outcome, self.before.amount) != (self.after.outcome, self.after.amount)
