"""What one group of applicants comes to, before and after."""

from __future__ import annotations

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.impact.applicant import KnownLoan, Side
from decision_service.impact.interval import Share, share_of


class GroupCounts(msgspec.Struct):
    """Applicants of a group; `gained` are approved after the change alone, `lost` before alone."""

    applicants: int = 0
    approved_before: int = 0
    approved_after: int = 0
    gained: int = 0
    lost: int = 0
    amount_before: int = 0
    amount_after: int = 0

    @classmethod
    def of(cls, was: Side, now: Side, many: int = 1) -> GroupCounts:
        """The counts of so many alike applicants."""
        before, after = was.approved, now.approved
        return cls(
            many,
            many * before,
            many * after,
            many * (after and not before),
            many * (before and not after),
            many * (was.amount or 0),
            many * (now.amount or 0),
        )

    def add(self, others: GroupCounts) -> None:
        """Count the applicants of another group as well."""
        self.applicants += others.applicants
        self.approved_before += others.approved_before
        self.approved_after += others.approved_after
        self.gained += others.gained
        self.lost += others.lost
        self.amount_before += others.amount_before
        self.amount_after += others.amount_after


class MatrixCell(msgspec.Struct):
    """Applicants with one pair of outcomes; amounts are sums in minor units."""

    applicants: int = 0
    amount_before: int = 0
    amount_after: int = 0
    examples: tuple[str, ...] = ()


class CauseCounts(msgspec.Struct):
    """Changed applicants whom a part of the rules moved: as the first cause, as the only one."""

    first: int = 0
    alone: int = 0
    named: int = 0
    gained: int = 0
    lost: int = 0
    examples: tuple[str, ...] = ()


class LoanCounts(msgspec.Struct):
    """Known loans of a group."""

    loans: int = 0
    bad: int = 0

    def add(self, loan: KnownLoan, many: int = 1) -> None:
        """Count so many alike loans."""
        self.loans += many
        self.bad += many * loan.bad

    @property
    def bad_rate(self) -> Share | None:
        """The share that went bad; None without any loan."""
        return share_of(self.bad, self.loans) if self.loans else None


class PointCounts(msgspec.Struct):
    """What one point of a sweep decides; `loans` are the known ones that it keeps."""

    applicants: int = 0
    approved: int = 0
    referred: int = 0
    amount: int = 0
    loans: LoanCounts = msgspec.field(default_factory=LoanCounts)

    def add(self, side: Side, loan: KnownLoan | None, many: int = 1) -> None:
        """Count so many alike applicants as the point decides them."""
        self.applicants += many
        self.approved += many * side.approved
        self.referred += many * (side.outcome is Outcome.REFER)
        self.amount += many * (side.amount or 0)
        if loan is not None and side.approved:
            self.loans.add(loan, many)
