"""The sums of a backtest: what many workers count, the same in whatever order they are merged."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from decision_service.domain.decision import Outcome
from decision_service.domain.errors import Unfit
from decision_service.rollout.impact import (
    GroupCounts,
    ImpactSums,
    JudgedApplicant,
    Share,
    Side,
    examples,
    share_of,
)

MOST_CELLS = 10_000
_STEPS = 64
"""Buckets between a power of two and the next: at most 1.6 % wide."""


class KnownLoan(msgspec.Struct, frozen=True, array_like=True):
    bad: bool


class BacktestApplicant(JudgedApplicant, frozen=True, gc=False):
    """An applicant with what the report is divided by, and all that else was tried on her.

    `cells` pair each dimension with the applicant's cell of it, such as (`month`, `2026-10`).
    `points` are what the points of a sweep conclude, in their order; `dated` the conclusions of the
    day before each change of dated figures, and of that day.
    """

    cells: tuple[tuple[str, str], ...] = ()
    loan: KnownLoan | None = None
    points: tuple[Side, ...] = ()
    dated: tuple[tuple[date, Side, Side], ...] = ()


class LoanCounts(msgspec.Struct):
    loans: int = 0
    bad: int = 0

    def add(self, loan: KnownLoan) -> None:
        self.loans += 1
        self.bad += loan.bad

    @property
    def bad_rate(self) -> Share | None:
        return share_of(self.bad, self.loans) if self.loans else None


class PointCounts(msgspec.Struct):
    """What one point of a sweep decides; `loans` are the known ones that it keeps."""

    applicants: int = 0
    approved: int = 0
    referred: int = 0
    amount: int = 0
    loans: LoanCounts = msgspec.field(default_factory=LoanCounts)

    def add(self, side: Side, loan: KnownLoan | None) -> None:
        self.applicants += 1
        self.approved += side.approved
        self.referred += side.outcome is Outcome.REFER
        self.amount += side.amount or 0
        if loan is not None and side.approved:
            self.loans.add(loan)


class Amounts(msgspec.Struct):
    """Amounts in minor units, at least 0: how many and their sum, in all and in each bucket."""

    count: int = 0
    total: int = 0
    counts: dict[int, int] = {}
    totals: dict[int, int] = {}

    def add(self, amount: int) -> None:
        # Amounts below 64 have a bucket each, larger ones share their seven leading bits.
        shift = max(amount.bit_length() - 7, 0)
        bucket = shift * _STEPS + (amount >> shift)
        self.count += 1
        self.total += amount
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.totals[bucket] = self.totals.get(bucket, 0) + amount

    @property
    def average(self) -> int | None:
        """The mean, rounded down; None without amounts."""
        return self.total // self.count if self.count else None

    def quantile(self, percent: int) -> int | None:
        """The mean of the bucket that a quantile, 1 to 99, lies in; None without amounts."""
        rank = -(-self.count * percent // 100)
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return self.totals[bucket] // self.counts[bucket]
        return None


class TooManyCells(Unfit):
    """A dimension has so many cells that it divides no group from another."""


class BacktestSums(ImpactSums):
    """All sums of a report.

    Keys of `loans` are `kept in`, `swap in` and `swap out`, of `points` the places of a sweep's
    points. `groups` are by dimension and cell, `dated` by day. `both` are the amounts among those
    that both sides approve, before and after.
    """

    decisions: int = 0
    repeats: int = 0
    not_enrolled: int = 0
    reproduced: int = 0
    differing: int = 0
    differing_examples: tuple[str, ...] = ()
    both_before: Amounts = msgspec.field(default_factory=Amounts)
    both_after: Amounts = msgspec.field(default_factory=Amounts)
    burden_before: Amounts = msgspec.field(default_factory=Amounts)
    burden_after: Amounts = msgspec.field(default_factory=Amounts)
    reduced_before: int = 0
    reduced_after: int = 0
    changed_amounts: int = 0
    groups: dict[str, dict[str, GroupCounts]] = msgspec.field(default_factory=dict)
    loans: dict[str, LoanCounts] = msgspec.field(default_factory=dict)
    points: dict[int, PointCounts] = msgspec.field(default_factory=dict)
    dated: dict[str, GroupCounts] = msgspec.field(default_factory=dict)

    def reproduce(self, decision_id: str, *, exactly: bool) -> None:
        if exactly:
            self.reproduced += 1
            return
        self.differing += 1
        self.differing_examples = examples((*self.differing_examples, decision_id))

    def count(self, one: BacktestApplicant) -> None:
        """Count a compared applicant; raises TooManyCells."""
        self.add(one)
        if one.before.approved and one.after.approved:
            self._add_amounts(one.before, one.after)
        alike = GroupCounts.of(one.before, one.after)
        for dimension, cell in one.cells:
            cells = self.groups.setdefault(dimension, {})
            _require_few(dimension, len(cells) + (cell not in cells))
            cells.setdefault(cell, GroupCounts()).add(alike)
        for place, side in enumerate(one.points):
            self.points.setdefault(place, PointCounts()).add(side, one.loan)
        for day, was, now in one.dated:
            self.dated.setdefault(day.isoformat(), GroupCounts()).add(GroupCounts.of(was, now))
        if one.loan is not None and (one.before.approved or one.after.approved):
            name = "kept in" if one.before.approved else "swap in"
            name = name if one.after.approved else "swap out"
            self.loans.setdefault(name, LoanCounts()).add(one.loan)

    def merge(self, other: BacktestSums) -> None:
        """Count the other's applicants as well; raises TooManyCells."""
        _merge_into(self, other)
        for dimension, cells in self.groups.items():
            _require_few(dimension, len(cells))

    def _add_amounts(self, before: Side, after: Side) -> None:
        self.changed_amounts += before.amount != after.amount
        self.reduced_before += before.reduced
        self.reduced_after += after.reduced
        for side, amounts, burden in (
            (before, self.both_before, self.burden_before),
            (after, self.both_after, self.burden_after),
        ):
            amounts.add(side.amount or 0)
            if side.instalment is not None:
                burden.add(side.instalment)


def _require_few(dimension: str, cells: int) -> None:
    if cells > MOST_CELLS:
        raise TooManyCells(
            f"{dimension} has more than {MOST_CELLS:,} different values: give cut points, as "
            f"{dimension}:10,20"
        )


def _merge_into(mine: msgspec.Struct, theirs: msgspec.Struct) -> None:
    """Add the fields of one struct of sums to those of another of the same kind."""
    for name in mine.__struct_fields__:
        setattr(mine, name, _merged(getattr(mine, name), getattr(theirs, name)))


def _merged(mine: Any, theirs: Any) -> Any:
    """Whole numbers added, examples chosen again, structs and mappings field by field."""
    match mine:
        case int():
            return mine + theirs
        case tuple():
            return examples((*mine, *theirs))
        case dict():
            return {key: _either(mine, theirs, key) for key in {**mine, **theirs}}
    _merge_into(mine, theirs)
    return mine


def _either(mine: dict[Any, Any], theirs: dict[Any, Any], key: Any) -> Any:
    if key in mine and key in theirs:
        return _merged(mine[key], theirs[key])
    return mine[key] if key in mine else theirs[key]
