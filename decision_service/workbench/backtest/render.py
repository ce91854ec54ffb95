"""An impact report in Markdown, HTML and JSON: sections of tables and charts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor
from typing import ClassVar

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from decision_service.rollout.impact import MOST_ROWS, Share
from decision_service.workbench.backtest import wording
from decision_service.workbench.backtest.report import (
    SMALLEST_CELL,
    ImpactReport,
    MarginCurve,
    ProofAnswer,
    Proofs,
    SegmentRow,
    SweepPoint,
)


class Bar(msgspec.Struct, frozen=True):
    name: str
    before: Share
    after: Share


class Bars(msgspec.Struct, frozen=True):
    kind: ClassVar = "bars"
    title: str
    bars: Sequence[Bar]

    @property
    def most(self) -> float:
        return fitted((0.0, *(s.high for bar in self.bars for s in (bar.before, bar.after))))[1]


class Curve(msgspec.Struct, frozen=True):
    """Approvals (line) and referrals (dashed) by the value of one figure; `places` are 0 to 1."""

    kind: ClassVar = "curve"
    title: str
    names: Sequence[str]
    places: Sequence[float]
    approvals: Sequence[float]
    referrals: Sequence[float]
    present: str
    low: float
    high: float


class Map(msgspec.Struct, frozen=True):
    """Approvals by two figures: the first down, the second across."""

    kind: ClassVar = "map"
    title: str
    down: Sequence[str]
    across: Sequence[str]
    cells: Sequence[tuple[tuple[str, ...], float]]
    present: tuple[str, ...]
    low: float
    high: float


Chart = Bars | Curve | Map


def fitted(shares: Iterable[float]) -> tuple[float, float]:
    """The ends of an axis that shows these shares: whole steps of 1 to 25 points around them."""
    low, high = min(every := [*shares]), max(every)
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.25) if high - low <= 4 * s + 1e-9)
    first = min(floor(low / step + 1e-9), round(1 / step) - 1)
    return first * step, max(ceil(high / step - 1e-9), first + 1) * step


class Section(msgspec.Struct, frozen=True):
    """Sentences, then a table, drawn by `chart`; numbers are in the columns after `words`."""

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    words: int = 1
    chart: Chart | None = None


def proofs_section(proofs: Proofs) -> Section:
    first = (
        f"{proofs.after} beside the champion {proofs.before}, from {proofs.since} on. "
        "This is about everybody who could apply, not only about those who did."
    )
    open_ = [one.sentence for one in proofs.claims if one.answer is not ProofAnswer.PROVED]
    rows = tuple((one.claim, str(one.answer)) for one in proofs.claims)
    return Section("Proved of everybody", (first, *open_), ("claim", "answer"), rows)


def sweep_section(report: ImpactReport) -> Section:
    subject, currency = report.subject, report.subject.currency
    columns = (*subject.swept, "approvals", "referrals", "approved in all", "known bad rate")
    rows = tuple(
        (*_named(point, subject.present), *_figures(point, currency)) for point in report.sweep
    )
    curve = len(subject.swept) == 1
    chart = _curve(subject.swept[0], report.sweep, subject.present[0]) if curve else _map(report)
    shown = (
        "" if curve else f" The chart has {subject.swept[0]} down and {subject.swept[1]} across."
    )
    lines = (f"In force: {', '.join(subject.present)}, marked with * where it is a point.{shown}",)
    title = f"Sweep of {' and '.join(subject.swept)}"
    return Section(title, lines, columns, rows, len(subject.swept), chart)


def margin_section(curve: MarginCurve, currency: str) -> Section:
    present = (curve.value,)
    at = next((point for point in curve.points if point.values == present), None)
    rows = tuple(
        (
            *_named(point, present),
            *_figures(point, currency),
            "–" if at is None else f"{_approved(point, curve) - _approved(at, curve):+,}",
        )
        for point in curve.points
    )
    line = (
        f"What {curve.figure} decides if it lies elsewhere, for {curve.applicants:,} applicants; "
        f"{curve.value} is marked with *. The last column is how many more or fewer are approved: "
        "so many lie between the two values."
    )
    columns = ("value", "approvals", "referrals", "approved in all", "known bad rate", "approved")
    chart = _curve(curve.figure, curve.points, curve.value)
    return Section(f"How close it is: {curve.figure}", (line,), columns, rows, 1, chart)


def _approved(point: SweepPoint, curve: MarginCurve) -> int:
    return round(point.approved.share * curve.applicants)


def _named(point: SweepPoint, present: tuple[str, ...]) -> tuple[str, ...]:
    mark = " *" if point.values == present else ""
    return (*point.values[:-1], point.values[-1] + mark)


def _figures(point: SweepPoint, currency: str) -> tuple[str, ...]:
    bad = "unknown" if point.bad_rate is None else wording.rate(point.bad_rate)
    shares = wording.rate(point.approved), wording.rate(point.referred)
    return (*shares, wording.money(point.amount, currency), bad)


def _curve(figure: str, points: Sequence[SweepPoint], present: str) -> Curve:
    approvals, referrals = ([p.approved.share for p in points], [p.referred.share for p in points])
    values = [float(point.values[0]) for point in points]
    length = values[-1] - values[0] or 1.0
    return Curve(
        f"Approvals and referrals by {figure}",
        [point.values[0] for point in points],
        [(value - values[0]) / length for value in values],
        approvals,
        referrals,
        present,
        *fitted((*approvals, *referrals)),
    )


def _map(report: ImpactReport) -> Map:
    return Map(
        f"Approvals by {' and '.join(report.subject.swept)}",
        list(dict.fromkeys(point.values[0] for point in report.sweep)),
        list(dict.fromkeys(point.values[1] for point in report.sweep)),
        [(point.values, point.approved.share) for point in report.sweep],
        report.subject.present,
        *fitted(point.approved.share for point in report.sweep),
    )


def sections(report: ImpactReport) -> Iterator[Section]:
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
        last = "By the rules after the change, each day and the one before it."
        lines = (*wording.dated(report), last)
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
        (row.name, *(wording.amount(row, value, currency) for value in (row.before, row.after)))
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
    subject = report.subject
    rows: Sequence[tuple[str, str]] = [
        ("product", subject.product),
        ("before", f"{subject.base} ({subject.base_digest[:16]})"),
        ("after", f"{subject.other} ({subject.other_digest[:16]})"),
        *((f"set {at}", f"{old} → {new}") for at, old, new in subject.figures),
        ("decisions", f"{subject.since} to {subject.until}"),
        ("parameters of", subject.params_as_of or "each decision's own day"),
        ("program", subject.engine_version),
        ("sample", f"{wording.percent(subject.sample)}, seed {subject.seed}"),
        ("SHA-256 of the figures", report.digest),
    ]
    lines = (f"For the challenger of rollout.yaml: `{report.expect}`",) if report.expect else ()
    return Section("Where this comes from", lines, ("what", "which"), tuple(rows), 2)


_PAGES = Environment(
    loader=PackageLoader("decision_service.workbench", "backtest"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(report: ImpactReport) -> str:
    title = f"What {report.subject.other} would change in {report.subject.product}"
    page = _PAGES.get_template("report.html")
    return page.render(title=title, sections=[*sections(report)]) + "\n"


def markdown(report: ImpactReport) -> str:
    title = f"# What {report.subject.other} would change in {report.subject.product}"
    return "\n".join((title, *(line for s in sections(report) for line in _section(s)))) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield ""
    yield f"## {section.title}"
    for line in section.lines:
        yield from ("", line)
    if section.columns:
        marks = ["---" if n < section.words else "---:" for n in range(len(section.columns))]
        yield ""
        yield from map(_row, (section.columns, tuple(marks), *section.rows))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def encoded(report: ImpactReport) -> bytes:
    """The document; the same report gives the same bytes."""
    body = {**msgspec.to_builtins(report), "sha256": report.digest}
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def decoded(document: bytes) -> ImpactReport:
    """The report of a document; raises msgspec.DecodeError, also where its own digest is wrong."""
    report = msgspec.json.decode(document, type=ImpactReport)
    if msgspec.json.decode(document).get("sha256") != report.digest:
        raise msgspec.ValidationError("its figures are not those of its own `sha256`")
    return report
