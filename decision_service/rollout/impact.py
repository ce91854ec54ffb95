"""The impact of a rule change: sums over applicants judged by two sets of rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from math import sqrt
from operator import itemgetter

import msgspec

from decision_service.domain.decision import Outcome, ReferKind

Z95 = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""

EXAMPLES = 5
"""Examples kept of each kind."""

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


class JudgedApplicant(msgspec.Struct, frozen=True, gc=False):
    """An applicant's first decision in the window, as judged before and after the change.

    `causes` name the parts of the rules that took effect differently, in the order of evaluation.
    """

    decision_id: str
    before: Side
    after: Side
    causes: tuple[str, ...] = ()

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
    share = many / n
    wide = z * z / n
    middle = (share + wide / 2) / (1 + wide)
    half = sqrt(wide * (share * (1 - share) + wide / 4)) / (1 + wide)
    return Share(share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share))


def paired_interval(lost: int, gained: int, n: int, z: float = Z95) -> Interval | None:
    """The difference `(gained - lost) / n` of two rates on the same people; None without people.

    `lost` had it before alone, `gained` have it after alone. Bounds by Bonett and Price, "Adjusted
    Wald confidence interval for a difference of binomial proportions based on paired data",
    Journal of Educational and Behavioral Statistics 37 (2012). A smaller level for many
    comparisons is a larger `z`.
    """
    if n <= 0:
        return None
    less = (lost + 1) / (n + 2)
    more = (gained + 1) / (n + 2)
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
        before = was.approved
        after = now.approved
        return cls(
            applicants=many,
            approved_before=many * before,
            approved_after=many * after,
            gained=many * (after and not before),
            lost=many * (before and not after),
            amount_before=many * (was.amount or 0),
            amount_after=many * (now.amount or 0),
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
    """Changed applicants that a part of the rules moved: as the first cause, as the only one."""

    first: int = 0
    alone: int = 0
    named: int = 0
    gained: int = 0
    lost: int = 0
    examples: tuple[str, ...] = ()


def count(counts: dict[str, int], key: str, many: int = 1) -> None:
    counts[key] = counts.get(key, 0) + many


def examples(decision_ids: Iterable[str]) -> tuple[str, ...]:
    """The few ids that are kept of all: those whose hashes sort first."""
    ordered = sorted({*decision_ids}, key=lambda one: hashlib.sha256(one.encode()).digest())
    return tuple(ordered[:EXAMPLES])


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
    """A part of the rules and who was moved; `alone`: nothing else took effect differently."""

    name: str
    first: int
    alone: int
    named: int
    gained: int
    lost: int
    examples: tuple[str, ...]


class ImpactSums(msgspec.Struct):
    """Sums over applicants judged twice.

    Keys of `matrix` are `BEFORE>AFTER`, of `reasons` the principal codes likewise. `unknown` are
    those left out, as decided before.
    """

    left_out: dict[str, int] = {}
    lacking: dict[str, int] = {}
    unknown: dict[str, int] = {}
    everybody: GroupCounts = msgspec.field(default_factory=GroupCounts)
    matrix: dict[str, MatrixCell] = {}
    causes: dict[str, CauseCounts] = {}
    reasons: dict[str, int] = {}

    def leave_out(
        self, why: LeftOut, before: Outcome, lacking: Iterable[str] = (), many: int = 1
    ) -> None:
        count(self.left_out, why.value, many)
        count(self.unknown, before.value, many)
        for name in lacking:
            count(self.lacking, name, many)

    def add(self, one: JudgedApplicant, many: int = 1) -> None:
        """Count a compared applicant, or so many who are alike."""
        alike = GroupCounts.of(one.before, one.after, many)
        self.everybody.add(alike)
        key = f"{one.before.outcome}>{one.after.outcome}"
        cell = self.matrix.setdefault(key, MatrixCell())
        cell.applicants += alike.applicants
        cell.amount_before += alike.amount_before
        cell.amount_after += alike.amount_after
        if one.changed:
            cell.examples = examples((*cell.examples, one.decision_id))
            self._add_causes(one, alike)
        if one.before.outcome is not one.after.outcome:
            count(self.reasons, f"{_principal(one.before)}>{_principal(one.after)}", many)

    @property
    def agreed(self) -> int:
        same = (self.matrix.get(f"{outcome}>{outcome}") for outcome in Outcome)
        return sum(cell.applicants for cell in same if cell is not None)

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


def _principal(side: Side) -> str:
    return side.codes[0] if side.codes and side.outcome is not Outcome.APPROVE else side.outcome


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
    assert interval is not None  # noqa: S101  there is a cell, so there is an applicant
    return Rate(
        outcome, share_of(before, everybody), share_of(after, everybody), difference=interval
    )


def _matrix_row(key: str, cell: MatrixCell) -> MatrixRow:
    before, _, after = key.partition(">")
    return MatrixRow(
        before,
        after,
        cell.applicants,
        amount_before=cell.amount_before,
        amount_after=cell.amount_after,
        examples=cell.examples,
    )


def causes_of(sums: ImpactSums) -> tuple[CauseRow, ...]:
    """The parts of the rules that moved applicants: the most frequent first causes, at most 50."""
    rows = [
        CauseRow(
            name, c.first, c.alone, named=c.named, gained=c.gained, lost=c.lost, examples=c.examples
        )
        for name, c in sums.causes.items()
    ]
    rows.sort(key=_most_frequent)
    return tuple(rows[:MOST_ROWS])


def _most_frequent(row: CauseRow) -> tuple[int, int, str]:
    return (-row.first, -row.named, row.name)


def reasons_of(sums: ImpactSums) -> tuple[tuple[str, str, int], ...]:
    """Old and new principal reasons where the outcome changed: the most frequent, at most 50."""
    by_key = sorted(sums.reasons.items())
    rows = []
    for key, number in sorted(by_key, key=itemgetter(1), reverse=True):
        old, _, new = key.partition(">")
        rows.append((old, new, number))
    return tuple(rows[:MOST_ROWS])
