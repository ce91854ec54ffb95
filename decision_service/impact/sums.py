"""Sums over judged applicants: what every part of the report is made of."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.impact.amounts import Amounts
from decision_service.impact.applicant import JudgedApplicant, KnownLoan, LeftOut, Side
from decision_service.impact.counts import (
    CauseCounts,
    GroupCounts,
    LoanCounts,
    MatrixCell,
    PointCounts,
)
from decision_service.impact.merging import count, examples, merge_into

MOST_CELLS = 10_000


class TooManyCells(ValueError):
    """A dimension has so many cells that it divides nobody from anybody."""


class ImpactSums(msgspec.Struct):
    """All sums of a report.

    Keys of `matrix` are `BEFORE>AFTER`, of `reasons` the principal codes likewise, of `loans`
    `kept in`, `swap in` and `swap out`, of `points` the places of a sweep's points, of `margins`
    likewise. `groups` are by dimension and cell, `dated` by day. `both` are the amounts among those
    whom both sides approve, before and after. `unknown` are those left out, as decided before.
    """

    decisions: int = 0
    repeats: int = 0
    not_enrolled: int = 0
    reproduced: int = 0
    differing: int = 0
    differing_examples: tuple[str, ...] = ()
    left_out: dict[str, int] = {}
    lacking: dict[str, int] = {}
    unknown: dict[str, int] = {}
    everybody: GroupCounts = msgspec.field(default_factory=GroupCounts)
    matrix: dict[str, MatrixCell] = {}
    both_before: Amounts = msgspec.field(default_factory=Amounts)
    both_after: Amounts = msgspec.field(default_factory=Amounts)
    burden_before: Amounts = msgspec.field(default_factory=Amounts)
    burden_after: Amounts = msgspec.field(default_factory=Amounts)
    reduced_before: int = 0
    reduced_after: int = 0
    changed_amounts: int = 0
    causes: dict[str, CauseCounts] = {}
    reasons: dict[str, int] = {}
    groups: dict[str, dict[str, GroupCounts]] = {}
    loans: dict[str, LoanCounts] = {}
    points: dict[int, PointCounts] = {}
    margins: dict[int, PointCounts] = {}
    dated: dict[str, GroupCounts] = {}

    def leave_out(
        self, why: LeftOut, before: Outcome, lacking: Iterable[str] = (), many: int = 1
    ) -> None:
        """Count applicants who cannot be compared, as decided before, and what was lacking."""
        count(self.left_out, why.value, many)
        count(self.unknown, before.value, many)
        for name in lacking:
            count(self.lacking, name, many)

    def reproduce(self, decision_id: str, *, exactly: bool) -> None:
        """Count a decision that its recorded rules were asked for again."""
        if exactly:
            self.reproduced += 1
            return
        self.differing += 1
        self.differing_examples = examples((*self.differing_examples, decision_id))

    def add(self, one: JudgedApplicant, many: int = 1) -> None:
        """Count a compared applicant, or so many who are alike; raises TooManyCells."""
        alike = GroupCounts.of(one.before, one.after, many)
        self.everybody.add(alike)
        self._add_to_matrix(one, alike)
        if one.before.approved and one.after.approved:
            self._add_amounts(one.before, one.after, many)
        if one.changed:
            self._add_causes(one, alike)
        if one.before.outcome is not one.after.outcome:
            count(self.reasons, f"{_principal(one.before)}>{_principal(one.after)}", many)
        for dimension, cell in one.cells:
            self._group(dimension, cell).add(alike)
        for counts, sides in ((self.points, one.points), (self.margins, one.margins)):
            for place, side in enumerate(sides):
                counts.setdefault(place, PointCounts()).add(side, one.loan, many)
        for day, was, now in one.dated:
            self.dated.setdefault(day.isoformat(), GroupCounts()).add(
                GroupCounts.of(was, now, many)
            )
        if one.loan is not None and (one.before.approved or one.after.approved):
            self._add_loan(one, one.loan, many)

    @property
    def agreed(self) -> int:
        """Compared applicants with one outcome on both sides, whatever the amounts."""
        same = (self.matrix.get(f"{outcome}>{outcome}") for outcome in Outcome)
        return sum(cell.applicants for cell in same if cell is not None)

    def merge(self, other: ImpactSums) -> None:
        """Count the other's applicants as well; raises TooManyCells."""
        merge_into(self, other)
        for dimension, cells in self.groups.items():
            _require_few(dimension, len(cells))

    def _add_to_matrix(self, one: JudgedApplicant, alike: GroupCounts) -> None:
        key = f"{one.before.outcome}>{one.after.outcome}"
        cell = self.matrix.setdefault(key, MatrixCell())
        cell.applicants += alike.applicants
        cell.amount_before += alike.amount_before
        cell.amount_after += alike.amount_after
        if one.changed:
            cell.examples = examples((*cell.examples, one.decision_id))

    def _add_amounts(self, before: Side, after: Side, many: int) -> None:
        self.changed_amounts += many * (before.amount != after.amount)
        self.reduced_before += many * before.reduced
        self.reduced_after += many * after.reduced
        for side, amounts, burden in (
            (before, self.both_before, self.burden_before),
            (after, self.both_after, self.burden_after),
        ):
            amounts.add(side.amount or 0, many)
            if side.instalment is not None:
                burden.add(side.instalment, many)

    def _add_causes(self, one: JudgedApplicant, alike: GroupCounts) -> None:
        many = alike.applicants
        for place, cause in enumerate(one.causes):
            counts = self.causes.setdefault(cause, CauseCounts())
            counts.named += many
            if place == 0:
                counts.first += many
                counts.alone += many * (len(one.causes) == 1)
                counts.gained += alike.gained
                counts.lost += alike.lost
                counts.examples = examples((*counts.examples, one.decision_id))

    def _group(self, dimension: str, cell: str) -> GroupCounts:
        cells = self.groups.setdefault(dimension, {})
        found = cells.get(cell)
        if found is None:
            _require_few(dimension, len(cells) + 1)
            found = cells[cell] = GroupCounts()
        return found

    def _add_loan(self, one: JudgedApplicant, loan: KnownLoan, many: int) -> None:
        name = "kept in" if one.before.approved else "swap in"
        name = name if one.after.approved else "swap out"
        self.loans.setdefault(name, LoanCounts()).add(loan, many)


def _principal(side: Side) -> str:
    """The principal reason, or the outcome of an approval."""
    return side.codes[0] if side.codes and side.outcome is not Outcome.APPROVE else side.outcome


def _require_few(dimension: str, cells: int) -> None:
    if cells > MOST_CELLS:
        raise TooManyCells(
            f"{dimension} has more than {MOST_CELLS:,} different values: give cut points, as "
            f"{dimension}:10,20"
        )
