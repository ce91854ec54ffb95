"""The impact of a rule change: sums over applicants judged by two sets of rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from math import sqrt
from typing import Any

import msgspec

from decision_service.domain.decision import Outcome, ReferKind

Z95 = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""

_STEPS = 64
"""Buckets between a power of two and the next: at most 1.6 % wide."""

EXAMPLES = 5
"""Examples kept of each kind."""

MOST_CELLS = 10_000
MOST_ROWS = 50
OUTCOMES = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)


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
    why: LeftOut
    lacking: tuple[str, ...] = ()


class Side(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Amounts in minor units, None where not approved; `codes` begin with the principal reason."""

    outcome: Outcome
    kind: ReferKind | None = None
    amount: int | None = None
    instalment: int | None = None
    reduced: bool = False
    codes: tuple[str, ...] = ()

    @property
    def approved(self) -> bool:
        return self.outcome is Outcome.APPROVE


class KnownLoan(msgspec.Struct, frozen=True, array_like=True):
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
        return (self.before.outcome, self.before.amount) != (self.after.outcome, self.after.amount)


class Interval(msgspec.Struct, frozen=True):
    """A difference of shares, -1 to 1, with the bounds that cover it in 95 of 100 samples."""

    difference: float
    low: float
    high: float


class Share(msgspec.Struct, frozen=True):
    """A share, 0 to 1, with the bounds that cover it in 95 of 100 samples."""

    share: float
    low: float
    high: float


def share_of(many: float, n: float, z: float = Z95) -> Share:
    """So many of `n`, above 0, with Wilson's bounds."""
    share, wide = many / n, z * z / n
    middle = (share + wide / 2) / (1 + wide)
    half = sqrt(wide * (share * (1 - share) + wide / 4)) / (1 + wide)
    return Share(share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share))


def paired_interval(lost: int, gained: int, n: int, z: float = Z95) -> Interval | None:
    """The difference `(gained - lost) / n` of two rates on the same people; None for nobody.

    `lost` had it before alone, `gained` have it after alone. Bounds by Bonett and Price, "Adjusted
    Wald confidence interval for a difference of binomial proportions based on paired data",
    Journal of Educational and Behavioral Statistics 37 (2012). A smaller level for many
    comparisons is a larger `z`.
    """
    if n <= 0:
        return None
    less, more = (lost + 1) / (n + 2), (gained + 1) / (n + 2)
    middle = more - less
    half = z * sqrt(max(less + more - middle * middle, 0.0) / (n + 2))
    return Interval((gained - lost) / n, max(middle - half, -1.0), min(middle + half, 1.0))


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
    loans: int = 0
    bad: int = 0

    def add(self, loan: KnownLoan, many: int = 1) -> None:
        self.loans += many
        self.bad += many * loan.bad

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

    def add(self, side: Side, loan: KnownLoan | None, many: int = 1) -> None:
        self.applicants += many
        self.approved += many * side.approved
        self.referred += many * (side.outcome is Outcome.REFER)
        self.amount += many * (side.amount or 0)
        if loan is not None and side.approved:
            self.loans.add(loan, many)


class Amounts(msgspec.Struct):
    """Amounts in minor units, at least 0: how many and their sum, in all and in each bucket."""

    count: int = 0
    total: int = 0
    counts: dict[int, int] = {}
    totals: dict[int, int] = {}

    def add(self, amount: int, many: int = 1) -> None:
        # Amounts below 64 have a bucket each, larger ones share their seven leading bits.
        shift = max(amount.bit_length() - 7, 0)
        bucket, total = shift * _STEPS + (amount >> shift), amount * many
        self.count += many
        self.total += total
        self.counts[bucket] = self.counts.get(bucket, 0) + many
        self.totals[bucket] = self.totals.get(bucket, 0) + total

    @property
    def average(self) -> int | None:
        """The mean, rounded down; None without amounts."""
        return self.total // self.count if self.count else None

    def quantile(self, percent: int) -> int | None:
        """The mean of the bucket that a quantile, 1 to 99, lies in; None without amounts."""
        rank, seen = -(-self.count * percent // 100), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return self.totals[bucket] // self.counts[bucket]
        return None


def count(counts: dict[str, int], key: str, many: int = 1) -> None:
    counts[key] = counts.get(key, 0) + many


def examples(decision_ids: Iterable[str]) -> tuple[str, ...]:
    """The few ids that are kept of all: those whose hashes sort first."""
    ordered = sorted({*decision_ids}, key=lambda one: hashlib.sha256(one.encode()).digest())
    return tuple(ordered[:EXAMPLES])


def merge_into(mine: msgspec.Struct, theirs: msgspec.Struct) -> None:
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
    merge_into(mine, theirs)
    return mine


def _either(mine: dict[Any, Any], theirs: dict[Any, Any], key: Any) -> Any:
    if key in mine and key in theirs:
        return _merged(mine[key], theirs[key])
    return mine[key] if key in mine else theirs[key]


class TooManyCells(ValueError):
    """A dimension has so many cells that it divides nobody from anybody."""


class Rate(msgspec.Struct, frozen=True):
    outcome: str
    before: Share
    after: Share
    difference: Interval


class MatrixRow(msgspec.Struct, frozen=True):
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
        count(self.left_out, why.value, many)
        count(self.unknown, before.value, many)
        for name in lacking:
            count(self.lacking, name, many)

    def reproduce(self, decision_id: str, *, exactly: bool) -> None:
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
    keys = (f"{before}>{after}" for before in OUTCOMES for after in OUTCOMES)
    return tuple(_matrix_row(key, sums.matrix[key]) for key in keys if key in sums.matrix)


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
