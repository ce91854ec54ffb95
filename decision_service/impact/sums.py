"""Sums over judged applicants: what every part of the report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
from decision_service.impact.interval import Interval, Share, paired_interval, share_of
from decision_service.impact.merging import count, examples, merge_into

MOST_CELLS = 10_000
MOST_ROWS = 50
OUTCOMES = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)


class TooManyCells(ValueError):
    """A dimension has so many cells that it divides nobody from anybody."""


class Rate(msgspec.Struct, frozen=True):
    """The share of applicants with an outcome, before and after, with the difference."""

    outcome: str
    before: Share
    after: Share
    difference: Interval


class MatrixRow(msgspec.Struct, frozen=True):
    """Applicants with one pair of outcomes; amounts in minor units."""

    before: str
    after: str
    applicants: int
    amount_before: int
    amount_after: int
    examples: tuple[str, ...]


class CauseRow(msgspec.Struct, frozen=True):
    """A part of the rules and whom it moved; `alone`: nothing else took effect differently."""

    name: str
    first: int
    alone: int
    named: int
    gained: int
    lost: int
    examples: tuple[str, ...]


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


def rates_of(sums: ImpactSums) -> tuple[Rate, ...]:
    """The rate of each outcome, before and after; none without compared applicants."""
    return tuple(_rate(outcome, sums) for outcome in OUTCOMES) if sums.matrix else ()


def matrix_of(sums: ImpactSums) -> tuple[MatrixRow, ...]:
    """Each pair of outcomes that occurs, APPROVE before REFER before DECLINE."""
    return tuple(_matrix_row(key, cell) for key, cell in _in_order(sums.matrix))


def _rate(outcome: Outcome, sums: ImpactSums) -> Rate:
    before = after = gained = lost = 0
    for key, cell in sums.matrix.items():
        was, _, became = key.partition(">")
        before += cell.applicants * (was == outcome)
        after += cell.applicants * (became == outcome)
        gained += cell.applicants * (became == outcome != was)
        lost += cell.applicants * (was == outcome != became)
    everybody = sums.everybody.applicants
    interval = paired_interval(lost, gained, everybody)
    assert interval is not None  # noqa: S101  there is a cell, so there is somebody
    return Rate(outcome, share_of(before, everybody), share_of(after, everybody), interval)


def _in_order(matrix: Mapping[str, MatrixCell]) -> Sequence[tuple[str, MatrixCell]]:
    keys = (f"{before}>{after}" for before in OUTCOMES for after in OUTCOMES)
    return [(key, matrix[key]) for key in keys if key in matrix]


def _matrix_row(key: str, cell: MatrixCell) -> MatrixRow:
    before, _, after = key.partition(">")
    amounts = cell.amount_before, cell.amount_after
    return MatrixRow(before, after, cell.applicants, *amounts, cell.examples)


def causes_of(sums: ImpactSums) -> tuple[CauseRow, ...]:
    """The parts of the rules that moved applicants: the most frequent first causes, at most 50."""
    rows = [
        CauseRow(name, c.first, c.alone, c.named, c.gained, c.lost, c.examples)
        for name, c in sums.causes.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.first, -row.named, row.name))[:MOST_ROWS])


def reasons_of(sums: ImpactSums) -> tuple[tuple[str, str, int], ...]:
    """Old and new principal reasons where the outcome changed: the most frequent, at most 50."""
    rows = []
    for key, number in sorted(sums.reasons.items(), key=lambda item: (-item[1], item[0])):
        old, _, new = key.partition(">")
        rows.append((old, new, number))
    return tuple(rows[:MOST_ROWS])
