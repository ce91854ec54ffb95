"""The parts of a report that move figures: a curve for one of them, a grid for two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from decision_service.impact.figures import ImpactReport, MarginCurve, SweepPoint
from decision_service.impact.render import wording
from decision_service.impact.render.charts import fitted
from decision_service.impact.render.section import Section

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BOTTOM = 640, 260, 70, 80, 34
_NAME_HEIGHT = 14
_CELL_WIDTH, _CELL_HEIGHT = 64, 30


def sweep_section(report: ImpactReport) -> Section:
    """Approvals, referrals, money and known bad rates at every point; the present one is marked."""
    told, currency = report.subject, report.subject.currency
    columns = (*told.swept, "approvals", "referrals", "approved in all", "known bad rate")
    rows = tuple(
        (*_named(point, told.present), *_figures(point, currency)) for point in report.sweep
    )
    curve = len(told.swept) == 1
    chart = _curve(told.swept[0], report.sweep, told.present) if curve else _grid(report)
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
    chart = _curve(curve.figure, curve.points, present)
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


def _curve(figure: str, points: Sequence[SweepPoint], present: tuple[str, ...]) -> str:
    """Approvals (line) and referrals (dashed) by the value of one figure, on fitted axes."""
    title = escape(f"Approvals and referrals by {figure}")
    lines = [[p.approved.share for p in points], [p.referred.share for p in points]]
    low, high = fitted(share for line in lines for share in line)
    places = _across([float(point.values[0]) for point in points])
    heights = [[_y((share - low) / (high - low)) for share in line] for line in lines]
    parts = [
        _line(places, heights[0], "after", ""),
        _line(places, heights[1], "before", "6 4"),
        *_line_names(heights[0][-1], heights[1][-1]),
        *_axis(low, high),
    ]
    for place in {0, len(points) // 2, len(points) - 1}:
        at = f'x="{places[place]}" y="{_HEIGHT - 10}"'
        parts.append(f'<text {at} text-anchor="middle">{escape(points[place].values[0])}</text>')
    for x, y, point in zip(places, heights[0], points, strict=True):
        if point.values == present:
            at = f'cx="{x}" cy="{y}"'
            parts.append(f'<circle {at} r="5" fill="var(--ink)"><title>now</title></circle>')
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}">{"".join(parts)}</svg>'
    )


def _across(values: Sequence[float]) -> Sequence[float]:
    """Where values stand from left to right."""
    room, length = _WIDTH - _LEFT - _RIGHT, values[-1] - values[0] or 1
    return [round(_LEFT + room * (value - values[0]) / length, 1) for value in values]


def _y(part: float) -> float:
    """How far down a part of the axis, 0 to 1, stands."""
    return round(10 + (_HEIGHT - _BOTTOM - 10) * (1 - part), 1)


def _line(places: Sequence[float], heights: Sequence[float], kind: str, dashes: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in zip(places, heights, strict=True))
    return (
        f'<polyline points="{path}" fill="none" stroke="var(--{kind})" stroke-width="2.5" '
        f'stroke-dasharray="{dashes}"/>'
    )


def _line_names(approvals: float, referrals: float) -> Iterator[str]:
    """The name of each line at its end; where they meet, one above the other."""
    (high, upper), (low, lower) = sorted(((approvals, "approvals"), (referrals, "referrals")))
    low = max(low, high + _NAME_HEIGHT)
    for y, name in ((high, upper), (low, lower)):
        yield f'<text x="{_WIDTH - _RIGHT + 10}" y="{y + 4}">{name}</text>'


def _axis(low: float, high: float) -> Iterator[str]:
    for part in (0, 0.5, 1):
        at = f'x="{_LEFT - 8}" y="{_y(part) + 4}" text-anchor="end"'
        yield f"<text {at}>{round((low + (high - low) * part) * 100, 1):g} %</text>"


def _grid(report: ImpactReport) -> str:
    """Approvals by two figures: the second across, the first down."""
    down = list(dict.fromkeys(point.values[0] for point in report.sweep))
    across = list(dict.fromkeys(point.values[1] for point in report.sweep))
    width, height = 90 + _CELL_WIDTH * len(across), 30 + _CELL_HEIGHT * len(down)
    title = escape(f"Approvals by {' and '.join(report.subject.swept)}")
    ends = fitted(point.approved.share for point in report.sweep)
    cells = "".join(_cell(point, down, across, report, ends) for point in report.sweep)
    names = "".join((*_down_names(down), *_across_names(across)))
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">{names}{cells}</svg>'
    )


def _cell(
    point: SweepPoint,
    down: Sequence[str],
    across: Sequence[str],
    report: ImpactReport,
    ends: tuple[float, float],
) -> str:
    left = 90 + _CELL_WIDTH * across.index(point.values[1])
    top = 30 + _CELL_HEIGHT * down.index(point.values[0])
    edge = ' stroke="var(--ink)" stroke-width="2"' if point.values == report.subject.present else ""
    place = f'x="{left}" y="{top}" width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}"'
    part = (point.approved.share - ends[0]) / (ends[1] - ends[0])
    shade = f'fill="var(--after)" fill-opacity="{part * 0.6:.2f}"'
    at = f'x="{left + _CELL_WIDTH / 2 - 1}" y="{top + 19}" text-anchor="middle"'
    return f"<rect {place} {shade}{edge}/><text {at}>{point.approved.share * 100:.1f}</text>"


def _down_names(values: Sequence[str]) -> Iterator[str]:
    for place, value in enumerate(values):
        y = 30 + _CELL_HEIGHT * place + 19
        yield f'<text x="82" y="{y}" text-anchor="end">{escape(value)}</text>'


def _across_names(values: Sequence[str]) -> Iterator[str]:
    for place, value in enumerate(values):
        x = 90 + _CELL_WIDTH * place + _CELL_WIDTH / 2 - 1
        yield f'<text x="{x}" y="20" text-anchor="middle">{escape(value)}</text>'
