"""The parts of a report, each with a table and perhaps a chart, as every form prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decision_service.impact.figures import ImpactReport, SegmentRow
from decision_service.impact.render import wording
from decision_service.impact.render.charts import Bar, Bars
from decision_service.impact.render.proofs import proofs_section
from decision_service.impact.render.section import Section
from decision_service.impact.render.sweep import margin_section, sweep_section
from decision_service.impact.report import SMALLEST_CELL
from decision_service.impact.sums import MOST_ROWS


def sections(report: ImpactReport) -> Iterator[Section]:
    """Every part that has something to tell, the most important first."""
    yield Section("In short", tuple(wording.headline(report)))
    yield Section("How far this can be trusted", tuple(wording.honesty(report)))
    if report.proofs:
        yield proofs_section(report.proofs)
    if not report.matrix:
        return
    yield _rates(report)
    yield _matrix(report)
    if report.amounts:
        yield _amounts(report)
    if report.causes:
        yield _causes(report)
    if report.reasons:
        yield _reasons(report)
    yield from _segments(report)
    if report.dated:
        lines = (
            *wording.dated(report),
            "By the rules after the change, each day and the one before it.",
        )
        yield _cells("Figures that change soon", lines, report.dated, report.subject.currency)
    for curve in report.margins:
        yield margin_section(curve, report.subject.currency)
    if report.sweep:
        yield sweep_section(report)
    if report.loans:
        yield Section("Known loans", tuple(wording.bad_rates(report)))
    yield from _examples(report)
    yield _provenance(report)


def _rates(report: ImpactReport) -> Section:
    rows = tuple(
        (
            rate.outcome,
            wording.rate(rate.before),
            wording.rate(rate.after),
            wording.interval(rate.difference),
        )
        for rate in report.rates
    )
    bars = [Bar(rate.outcome, rate.before, rate.after) for rate in report.rates]
    lines = ("In brackets are the bounds that hold in 95 of 100 such samples.",)
    columns = ("outcome", "before", "after", "difference")
    return Section("Rates", lines, columns, rows, 1, Bars("Outcomes before and after", bars))


def _matrix(report: ImpactReport) -> Section:
    currency = report.subject.currency
    rows = [
        (
            row.before,
            row.after,
            f"{row.applicants:,}",
            wording.money(row.amount_before, currency),
            wording.money(row.amount_after, currency),
        )
        for row in report.matrix
    ]
    rows += [
        (outcome, "unknown", f"{number:,}", "–", "–")
        for outcome, number in report.coverage.unknown.items()
    ]
    columns = ("before", "after", "applicants", "approved before", "approved after")
    return Section("Outcomes, before and after", (), columns, tuple(rows), 2)


def _amounts(report: ImpactReport) -> Section:
    currency = report.subject.currency
    rows = tuple(
        (
            row.name,
            wording.amount(row, row.before, currency),
            wording.amount(row, row.after, currency),
        )
        for row in report.amounts
    )
    lines = ("Among those whom both approve. Quantiles are exact to 1.6 %.",)
    return Section("Amounts", lines, ("figure", "before", "after"), rows)


def _causes(report: ImpactReport) -> Section:
    line = (
        "The first cause is the first part of the rules, in the order of the file, that takes "
        "effect otherwise. What follows from a cause is none. Alone: there is no other cause."
    )
    columns = ("part of the rules", "first cause", "alone", "named", "swap-in", "swap-out")
    rows = tuple(
        (row.name, *(f"{n:,}" for n in (row.first, row.alone, row.named, row.gained, row.lost)))
        for row in report.causes
    )
    return Section("What moved them", (line,), columns, rows)


def _reasons(report: ImpactReport) -> Section:
    rows = tuple((old, new, f"{number:,}") for old, new, number in report.reasons)
    lines = ("The principal reason where the outcome changes.",)
    return Section("Reasons, old and new", lines, ("before", "after", "applicants"), rows, 2)


def _segments(report: ImpactReport) -> Iterator[Section]:
    for dimension in dict.fromkeys(row.dimension for row in report.segments):
        cells = [row for row in report.segments if row.dimension == dimension]
        lines = tuple(_segment_lines(report, dimension, len(cells)))
        yield _cells(f"Approvals by {dimension}", lines, cells, report.subject.currency)


def _cells(
    title: str, lines: tuple[str, ...], cells: Sequence[SegmentRow], currency: str
) -> Section:
    rows = tuple(
        (
            row.cell,
            f"{row.applicants:,}",
            wording.rate(row.before),
            wording.rate(row.after),
            wording.interval(row.difference),
            wording.money(row.amount_before, currency),
            wording.money(row.amount_after, currency),
        )
        for row in cells
    )
    columns = ("cell", "applicants", "before", "after", "difference", "amount before", "after")
    bars = [Bar(row.cell, row.before, row.after) for row in cells]
    return Section(title, lines, columns, rows, 1, Bars(title, bars))


def _segment_lines(report: ImpactReport, dimension: str, cells: int) -> Iterator[str]:
    if cells > 1:
        yield f"Bounds allow for {cells} cells looked at together."
    for name, number, applicants in report.pooled:
        if name == dimension:
            yield (
                f"Cells not shown: {number:,}, with {applicants:,} applicants. Fewer than "
                f"{SMALLEST_CELL} show chance alone, and {MOST_ROWS} cells are the most."
            )


def _examples(report: ImpactReport) -> Iterator[Section]:
    rows = tuple(
        (f"{row.before} → {row.after}", wording.replay(example))
        for row in report.matrix
        for example in row.examples
    )
    if rows:
        yield Section("Examples", (), ("change", "see it again with"), rows, 2)


def _provenance(report: ImpactReport) -> Section:
    told = report.subject
    rows: Sequence[tuple[str, str]] = [
        ("product", told.product),
        ("before", f"{told.base} ({told.base_digest[:16]})"),
        ("after", f"{told.other} ({told.other_digest[:16]})"),
        *((f"set {at}", f"{old} → {new}") for at, old, new in told.figures),
        ("decisions", f"{told.since} to {told.until}"),
        ("parameters of", told.params_as_of or "each decision's own day"),
        ("program", told.engine_version),
        ("sample", f"{wording.percent(told.sample)}, seed {told.seed}"),
        ("SHA-256 of the figures", report.digest),
    ]
    lines = (f"For the challenger of rollout.yaml: `{report.expect}`",) if report.expect else ()
    return Section("Where this comes from", lines, ("what", "which"), tuple(rows), 2)
