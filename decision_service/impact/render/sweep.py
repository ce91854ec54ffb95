"""The parts of a report that move figures: a curve for one of them, a grid for two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from decision_service.impact.figures import ImpactReport, MarginCurve, SweepPoint
from decision_service.impact.render import wording
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
    return round(point.approved * curve.applicants)


def _named(point: SweepPoint, present: tuple[str, ...]) -> tuple[str, ...]:
    mark = " *" if point.values == present else ""
    return (*point.values[:-1], point.values[-1] + mark)


def _figures(point: SweepPoint, currency: str) -> tuple[str, ...]:
    bad = "unknown" if point.bad_rate is None else wording.percent(point.bad_rate)
    shares = wording.percent(point.approved), wording.percent(point.referred)
    return (*shares, wording.money(point.amount, currency), bad)


def _curve(figure: str, points: Sequence[SweepPoint], present: tuple[str, ...]) -> str:
    """Approvals (line) and referrals (dashed) by the value of one figure."""
    title = escape(f"Approvals and referrals by {figure}")
    parts = [
        _line(points, [point.approved for point in points], "after", ""),
        _line(points, [point.referred for point in points], "before", "6 4"),
        *_line_names(points[-1]),
        *_axis(points),
        *_marks(points, present),
    ]
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}">{"".join(parts)}</svg>'
    )


def _x(place: int, points: Sequence[SweepPoint]) -> float:
    room = _WIDTH - _LEFT - _RIGHT
    return round(_LEFT + room * place / max(len(points) - 1, 1), 1)


def _y(share: float) -> float:
    return round(10 + (_HEIGHT - _BOTTOM - 10) * (1 - share), 1)


def _line(points: Sequence[SweepPoint], shares: Sequence[float], kind: str, dashes: str) -> str:
    path = " ".join(f"{_x(place, points)},{_y(share)}" for place, share in enumerate(shares))
    return (
        f'<polyline points="{path}" fill="none" stroke="var(--{kind})" stroke-width="2.5" '
        f'stroke-dasharray="{dashes}"/>'
    )


def _line_names(last: SweepPoint) -> Iterator[str]:
    """The name of each line at its end; where they meet, one above the other."""
    (high, upper), (low, lower) = sorted(
        ((_y(last.approved), "approvals"), (_y(last.referred), "referrals"))
    )
    low = max(low, high + _NAME_HEIGHT)
    for y, name in ((high, upper), (low, lower)):
        yield f'<text x="{_WIDTH - _RIGHT + 10}" y="{y + 4}">{name}</text>'


def _axis(points: Sequence[SweepPoint]) -> Iterator[str]:
    for share in (0, 0.5, 1):
        yield f'<text x="{_LEFT - 8}" y="{_y(share) + 4}" text-anchor="end">{share:.0%}</text>'
    for place in {0, len(points) // 2, len(points) - 1}:
        told = escape(points[place].values[0])
        at = f'x="{_x(place, points)}" y="{_HEIGHT - 10}"'
        yield f'<text {at} text-anchor="middle">{told}</text>'


def _marks(points: Sequence[SweepPoint], present: tuple[str, ...]) -> Iterator[str]:
    for place, point in enumerate(points):
        if point.values == present:
            at = f'cx="{_x(place, points)}" cy="{_y(point.approved)}"'
            yield f'<circle {at} r="5" fill="var(--ink)"><title>now</title></circle>'


def _grid(report: ImpactReport) -> str:
    """Approvals by two figures: the second across, the first down."""
    down = list(dict.fromkeys(point.values[0] for point in report.sweep))
    across = list(dict.fromkeys(point.values[1] for point in report.sweep))
    width, height = 90 + _CELL_WIDTH * len(across), 30 + _CELL_HEIGHT * len(down)
    title = escape(f"Approvals by {' and '.join(report.subject.swept)}")
    cells = "".join(_cell(point, down, across, report) for point in report.sweep)
    names = "".join((*_down(down), *_across(across)))
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">{names}{cells}</svg>'
    )


def _cell(
    point: SweepPoint, down: Sequence[str], across: Sequence[str], report: ImpactReport
) -> str:
    left = 90 + _CELL_WIDTH * across.index(point.values[1])
    top = 30 + _CELL_HEIGHT * down.index(point.values[0])
    edge = ' stroke="var(--ink)" stroke-width="2"' if point.values == report.subject.present else ""
    place = f'x="{left}" y="{top}" width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}"'
    shade = f'fill="var(--after)" fill-opacity="{point.approved * 0.6:.2f}"'
    at = f'x="{left + _CELL_WIDTH / 2 - 1}" y="{top + 19}" text-anchor="middle"'
    return f"<rect {place} {shade}{edge}/><text {at}>{point.approved * 100:.1f}</text>"


def _down(values: Sequence[str]) -> Iterator[str]:
    for place, value in enumerate(values):
        y = 30 + _CELL_HEIGHT * place + 19
        yield f'<text x="82" y="{y}" text-anchor="end">{escape(value)}</text>'


def _across(values: Sequence[str]) -> Iterator[str]:
    for place, value in enumerate(values):
        x = 90 + _CELL_WIDTH * place + _CELL_WIDTH / 2 - 1
        yield f'<text x="{x}" y="20" text-anchor="middle">{escape(value)}</text>'
