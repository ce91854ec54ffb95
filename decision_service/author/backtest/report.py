"""The impact report: its rows, computed from sums over judged applicants."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from statistics import NormalDist

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from decision_service.author.backtest.sums import Amounts, BacktestSums, PointCounts
from decision_service.author.proofs.claims import Proofs
from decision_service.rollout.impact import (
    MOST_ROWS,
    CauseRow,
    GroupCounts,
    Interval,
    MatrixRow,
    Rate,
    Share,
    causes_of,
    matrix_of,
    paired_interval,
    rates_of,
    reasons_of,
    share_of,
)

SMALLEST_CELL = 30
"""Applicants below which a segment is not shown: it would show single persons, and chance."""

NO_VALUE = ("none", "not sent", "missing", "not recorded")
"""Cells of those who have no value."""

_QUANTILES = (10, 25, 50, 75, 90)


class BrokenLines(msgspec.Struct, frozen=True):
    """Lines of a file that count nowhere: how many of all, and the numbers of the first."""

    file: str
    broken: int
    lines: int
    first: tuple[int, ...]


class DatedFigure(msgspec.Struct, frozen=True):
    day: date
    at: str
    before: str
    after: str


class ReportSubject(msgspec.Struct, frozen=True):
    """What was compared, on which decisions, and by which program.

    `figures` are those that were set, with the value before and after. `since` and `until` are the
    first and the last decision; `sample` is a share of the applicants, 0 to 1.
    `swept` is the figure of a sweep, `points` its values, `present` the one in force; documents of
    earlier releases may have two. `broken` lines of files are in no figure. `dated` change soon.
    """

    product: str
    currency: str
    base: str
    base_digest: str
    other: str
    other_digest: str
    figures: tuple[tuple[str, str, str], ...]
    since: str
    until: str
    engine_version: str
    params_as_of: str = ""
    by: tuple[str, ...] = ()
    sample: float = 1.0
    seed: int = 0
    swept: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()
    present: tuple[str, ...] = ()
    broken: tuple[BrokenLines, ...] = ()
    dated: tuple[DatedFigure, ...] = ()


class Coverage(msgspec.Struct, frozen=True):
    """Who is in the figures and who is not, and why; `unknown` are those left out, by outcome."""

    decisions: int
    repeats: int
    not_enrolled: int
    applicants: int
    reproduced: int
    differing: int
    differing_examples: tuple[str, ...]
    compared: int
    left_out: Mapping[str, int]
    lacking: Mapping[str, int]
    unknown: Mapping[str, int]


class AmountRow(msgspec.Struct, frozen=True):
    """A figure of the amounts among those that both sides approve; minor units or a count."""

    name: str
    before: int | None
    after: int | None
    money: bool = True


class SegmentRow(msgspec.Struct, frozen=True):
    dimension: str
    cell: str
    applicants: int
    before: Share
    after: Share
    difference: Interval
    amount_before: int
    amount_after: int


class LoanRow(msgspec.Struct, frozen=True):
    group: str
    loans: int
    bad_rate: Share


class SweepPoint(msgspec.Struct, frozen=True):
    values: tuple[str, ...]
    approved: Share
    referred: Share
    amount: int
    bad_rate: Share | None = None


class ImpactReport(msgspec.Struct, frozen=True):
    """All that a report says, in every form; without `proofs` none was asked.

    Proofs are no figures: the digest is the same with them. The cells of `dated` are the days on
    which dated figures change, each with the day before it.
    """

    subject: ReportSubject
    coverage: Coverage
    rates: tuple[Rate, ...]
    matrix: tuple[MatrixRow, ...]
    amounts: tuple[AmountRow, ...]
    causes: tuple[CauseRow, ...]
    reasons: tuple[tuple[str, str, int], ...]
    segments: tuple[SegmentRow, ...]
    pooled: tuple[tuple[str, int, int], ...]
    loans: tuple[LoanRow, ...]
    expect: str
    sweep: tuple[SweepPoint, ...] = ()
    dated: tuple[SegmentRow, ...] = ()
    proofs: Proofs | UnsetType = UNSET

    @property
    def digest(self) -> str:
        figures = replace(self, proofs=UNSET)
        return hashlib.sha256(msgspec.json.encode(figures, order="sorted")).hexdigest()


def report_of(subject: ReportSubject, sums: BacktestSums) -> ImpactReport:
    rates = rates_of(sums)
    shown, pooled = _segments(sums.groups)
    return ImpactReport(
        subject,
        _coverage(sums),
        rates,
        matrix=matrix_of(sums),
        amounts=_amounts(sums),
        causes=causes_of(sums),
        reasons=reasons_of(sums),
        segments=shown,
        pooled=pooled,
        loans=_loans(sums),
        expect=_expectation(rates),
        sweep=tuple(_points(subject.points, sums.points)),
        dated=tuple(
            _segment("dated", day, c, together=len(sums.dated))
            for day, c in sorted(sums.dated.items())
        ),
    )


def _coverage(sums: BacktestSums) -> Coverage:
    left_out = sum(sums.left_out.values())
    compared = sums.everybody.applicants
    return Coverage(
        sums.decisions,
        sums.repeats,
        sums.not_enrolled,
        applicants=compared + left_out,
        reproduced=sums.reproduced,
        differing=sums.differing,
        differing_examples=sums.differing_examples,
        compared=compared,
        left_out=_sorted(sums.left_out),
        lacking=_sorted(sums.lacking),
        unknown=_sorted(sums.unknown),
    )


def _amounts(sums: BacktestSums) -> tuple[AmountRow, ...]:
    before = sums.both_before
    after = sums.both_after
    if not before.count:
        return ()
    rows = [
        AmountRow("approved by both", before.count, after.count, money=False),
        AmountRow("approved amount", before.total, after.total),
        AmountRow("average amount", before.average, after.average),
        *(_quantile(percent, before, after) for percent in _QUANTILES),
        AmountRow("reduced offers", sums.reduced_before, sums.reduced_after, money=False),
        AmountRow("other amount than before", None, sums.changed_amounts, money=False),
    ]
    if sums.burden_before.count or sums.burden_after.count:
        averages = sums.burden_before.average, sums.burden_after.average
        rows.append(AmountRow("average instalment", *averages))
    return tuple(rows)


def _quantile(percent: int, before: Amounts, after: Amounts) -> AmountRow:
    name = "median amount" if percent == 50 else f"{percent} % have at most"
    return AmountRow(name, before.quantile(percent), after.quantile(percent))


def _segments(
    groups: Mapping[str, Mapping[str, GroupCounts]],
) -> tuple[tuple[SegmentRow, ...], tuple[tuple[str, int, int], ...]]:
    shown: list[SegmentRow] = []
    pooled: list[tuple[str, int, int]] = []
    for dimension in groups:
        cells = sorted(groups[dimension].items(), key=_by_place)
        large = [(name, c) for name, c in cells if c.applicants >= SMALLEST_CELL][:MOST_ROWS]
        shown += [_segment(dimension, name, c, together=len(large)) for name, c in large]
        rest = sum(c.applicants for _, c in cells) - sum(c.applicants for _, c in large)
        if rest:
            pooled.append((dimension, len(cells) - len(large), rest))
    return tuple(shown), tuple(pooled)


def _by_place(item: tuple[str, GroupCounts]) -> tuple[object, ...]:
    return _place(item[0])


def _place(cell: str) -> tuple[object, ...]:
    parts = re.split(r"((?:\A-)?\d[\d,]*(?:\.\d+)?)", cell.removeprefix("below "))
    parted = (Decimal(p.replace(",", "")) if n % 2 else p for n, p in enumerate(parts))
    return (cell in NO_VALUE, *parted)


def _segment(dimension: str, name: str, counts: GroupCounts, together: int) -> SegmentRow:
    """Bonferroni's bound: with k cells each has an error of 5 % / k."""
    z = NormalDist().inv_cdf(1 - 0.025 / max(together, 1))
    interval = paired_interval(counts.lost, counts.gained, counts.applicants, z=z)
    assert interval is not None  # noqa: S101  a cell has applicants
    n = counts.applicants
    return SegmentRow(
        dimension,
        name,
        n,
        before=share_of(counts.approved_before, n, z),
        after=share_of(counts.approved_after, n, z),
        difference=interval,
        amount_before=counts.amount_before,
        amount_after=counts.amount_after,
    )


def _points(
    every: Sequence[tuple[str, ...]], counted: Mapping[int, PointCounts]
) -> Iterator[SweepPoint]:
    for place, values in enumerate(every):
        counts = counted.get(place)
        if counts is not None:
            n = counts.applicants
            yield SweepPoint(
                values,
                share_of(counts.approved, n),
                share_of(counts.referred, n),
                amount=counts.amount,
                bad_rate=counts.loans.bad_rate,
            )


def _loans(sums: BacktestSums) -> tuple[LoanRow, ...]:
    return tuple(
        LoanRow(group, counts.loans, rate)
        for group, counts in sorted(sums.loans.items())
        if (rate := counts.bad_rate) is not None
    )


def _expectation(rates: Sequence[Rate]) -> str:
    """The line for the challenger of a rollout.yaml; empty without applicants."""
    if not rates:
        return ""
    found = rates[0].difference
    within = max(found.high - found.difference, found.difference - found.low)
    low = found.difference - within + 0.0
    high = found.difference + within  # never -0.000
    return f"expect: {{approval_rate: {{min: {low:.3f}, max: {high:.3f}}}}}"


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _sorted(counts: Mapping[str, int]) -> Mapping[str, int]:
    return dict(sorted(counts.items(), key=_most_first))
