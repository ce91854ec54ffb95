"""From sums to the figures of a report; the same sums give the same report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from statistics import NormalDist

from decision_service.impact.amounts import Amounts
from decision_service.impact.counts import GroupCounts, PointCounts
from decision_service.impact.figures import (
    AmountRow,
    Coverage,
    ImpactReport,
    LoanRow,
    MarginCurve,
    ReportSubject,
    SegmentRow,
    SweepPoint,
)
from decision_service.impact.interval import paired_interval, share_of
from decision_service.impact.sums import (
    MOST_ROWS,
    ImpactSums,
    Rate,
    causes_of,
    matrix_of,
    rates_of,
    reasons_of,
)

SMALLEST_CELL = 30
"""Applicants below which a segment is not shown: it would tell of persons, and of chance."""

NO_VALUE = ("none", "not sent", "missing", "not recorded")
"""Cells of those who have no value."""

_QUANTILES = (10, 25, 50, 75, 90)


def report_of(subject: ReportSubject, sums: ImpactSums) -> ImpactReport:
    """The report of a run's sums."""
    rates = rates_of(sums)
    shown, pooled = _segments(sums.groups)
    return ImpactReport(
        subject,
        _coverage(sums),
        rates,
        matrix_of(sums),
        _amounts(sums),
        causes_of(sums),
        reasons_of(sums),
        shown,
        pooled,
        _loans(sums),
        _expectation(rates),
        tuple(_points(subject.points, sums.points)),
        tuple(_margins(subject, sums)),
        tuple(_segment("dated", day, c, len(sums.dated)) for day, c in sorted(sums.dated.items())),
    )


def _coverage(sums: ImpactSums) -> Coverage:
    left_out = sum(sums.left_out.values())
    compared = sums.everybody.applicants
    return Coverage(
        sums.decisions,
        sums.repeats,
        sums.not_enrolled,
        compared + left_out,
        sums.reproduced,
        sums.differing,
        sums.differing_examples,
        compared,
        _sorted(sums.left_out),
        _sorted(sums.lacking),
        _sorted(sums.unknown),
    )


def _amounts(sums: ImpactSums) -> tuple[AmountRow, ...]:
    before, after = sums.both_before, sums.both_after
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
    """Cells that are large enough, and how many cells and applicants each dimension has besides."""
    shown: list[SegmentRow] = []
    pooled: list[tuple[str, int, int]] = []
    for dimension in groups:
        cells = sorted(groups[dimension].items(), key=lambda item: _place(item[0]))
        large = [(name, c) for name, c in cells if c.applicants >= SMALLEST_CELL][:MOST_ROWS]
        shown += [_segment(dimension, name, c, len(large)) for name, c in large]
        rest = sum(c.applicants for _, c in cells) - sum(c.applicants for _, c in large)
        if rest:
            pooled.append((dimension, len(cells) - len(large), rest))
    return tuple(shown), tuple(pooled)


def _place(cell: str) -> tuple[object, ...]:
    """Numbers within a cell's name by their size, all else by letters; who has no value is last."""
    parts = re.split(r"((?:\A-)?\d[\d,]*(?:\.\d+)?)", cell.removeprefix("below "))
    parted = (Decimal(p.replace(",", "")) if n % 2 else p for n, p in enumerate(parts))
    return (cell in NO_VALUE, *parted)


def _segment(dimension: str, name: str, counts: GroupCounts, together: int) -> SegmentRow:
    """Bonferroni's bound: with k cells each has an error of 5 % / k."""
    z = NormalDist().inv_cdf(1 - 0.025 / max(together, 1))
    interval = paired_interval(counts.lost, counts.gained, counts.applicants, z)
    assert interval is not None  # noqa: S101  a cell has applicants
    n = counts.applicants
    rates = share_of(counts.approved_before, n, z), share_of(counts.approved_after, n, z)
    return SegmentRow(
        dimension, name, n, *rates, interval, counts.amount_before, counts.amount_after
    )


def _points(
    every: Sequence[tuple[str, ...]], counted: Mapping[int, PointCounts], first: int = 0
) -> Iterator[SweepPoint]:
    """The points that anybody was judged at; the first is counted at place `first`."""
    for place, values in enumerate(every, first):
        counts = counted.get(place)
        if counts is not None:
            n = counts.applicants
            rates = share_of(counts.approved, n), share_of(counts.referred, n)
            yield SweepPoint(values, *rates, counts.amount, counts.loans.bad_rate)


def _margins(subject: ReportSubject, sums: ImpactSums) -> Iterator[MarginCurve]:
    first, after = 0, {at: value for at, _, value in subject.figures}
    for figure, values in subject.margins:
        points = tuple(_points([(value,) for value in values], sums.margins, first))
        if points:
            yield MarginCurve(figure, after[figure], sums.margins[first].applicants, points)
        first += len(values)


def _loans(sums: ImpactSums) -> tuple[LoanRow, ...]:
    return tuple(
        LoanRow(group, counts.loans, rate)
        for group, counts in sorted(sums.loans.items())
        if (rate := counts.bad_rate) is not None
    )


def expected_change(rates: Sequence[Rate]) -> tuple[str, str] | None:
    """The change of the approval rate and how far it may be off, as a plan writes them."""
    if not rates:
        return None
    told = rates[0].difference
    within = max(told.high - told.difference, told.difference - told.low)
    return f"{told.difference + 0.0:.3f}", f"{within:.3f}"


def _expectation(rates: Sequence[Rate]) -> str:
    """The line for the challenger of a rollout.yaml; empty without applicants."""
    told = expected_change(rates)
    if told is None:
        return ""
    return f"expect: {{approval_rate: {{change: {told[0]}, within: {told[1]}}}}}"


def _sorted(counts: Mapping[str, int]) -> Mapping[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
