"""The parts of a report that move figures: a curve for one of them, a grid for two."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.impact.figures import ImpactReport, MarginCurve, SweepPoint
from decision_service.impact.render import wording
from decision_service.impact.render.charts import Curve, Map, fitted
from decision_service.impact.render.section import Section


def sweep_section(report: ImpactReport) -> Section:
    """Approvals, referrals, money and known bad rates at every point; the present one is marked."""
    told, currency = report.subject, report.subject.currency
    columns = (*told.swept, "approvals", "referrals", "approved in all", "known bad rate")
    rows = tuple(
        (*_named(point, told.present), *_figures(point, currency)) for point in report.sweep
    )
    curve = len(told.swept) == 1
    chart = _curve(told.swept[0], report.sweep, told.present[0]) if curve else _map(report)
    shown = "" if curve else f" The chart has {told.swept[0]} down and {told.swept[1]} across."
    lines = (f"In force: {', '.join(told.present)}, marked with * where it is a point.{shown}",)
    title = f"Sweep of {' and '.join(told.swept)}"
    return Section(title, lines, columns, rows, len(told.swept), chart)


def margin_section(curve: MarginCurve, currency: str) -> Section:
    """Approvals, referrals and money where a set figure lies a little lower or higher."""
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
