"""Charts as inline SVG: pairs of bars, before and after, that print and need no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from math import ceil, floor

import msgspec

from decision_service.impact.interval import Share

WIDTH = 640
_LABEL, _BAR, _ROW, _TOP, _AXIS = 180, 370, 34, 8, 20


class Bar(msgspec.Struct, frozen=True):
    """A share before and after, each with its bounds."""

    name: str
    before: Share
    after: Share


class Chart(msgspec.Struct, frozen=True):
    """Pairs of bars under a title that a screen reader speaks."""

    title: str
    bars: Sequence[Bar]


def fitted(shares: Iterable[float]) -> tuple[float, float]:
    """The ends of an axis that shows these shares: whole steps of 1 to 25 points around them."""
    low, high = min(every := [*shares]), max(every)
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.25) if high - low <= 4 * s + 1e-9)
    first = min(floor(low / step + 1e-9), round(1 / step) - 1)
    return first * step, max(ceil(high / step - 1e-9), first + 1) * step


def svg(chart: Chart) -> str:
    """The chart; colours come from the page, so that it is light or dark with it."""
    height = _TOP + _ROW * len(chart.bars) + _AXIS
    _, most = fitted((0.0, *(s.high for bar in chart.bars for s in (bar.before, bar.after))))
    title = escape(chart.title)
    rows = "".join(_row(bar, _TOP + _ROW * place, most) for place, bar in enumerate(chart.bars))
    ends = "".join(
        f'<text x="{_LABEL + part * _BAR}" y="{height - 4}" text-anchor="middle">'
        f"{part * most * 100:g} %</text>"
        for part in (0, 1)
    )
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}">{rows}{ends}</svg>'
    )


def _row(bar: Bar, top: int, most: float) -> str:
    halves = ((bar.before, top, "before"), (bar.after, top + 13, "after"))
    return "".join((*_name(bar, top), *(part for half in halves for part in _half(*half, most))))


def _name(bar: Bar, top: int) -> Iterator[str]:
    shown = bar.name if len(bar.name) <= 24 else f"{bar.name[:23]}…"
    yield f'<text x="{_LABEL - 8}" y="{top + 17}" text-anchor="end">{escape(shown)}</text>'


def _half(told: Share, top: int, kind: str, most: float) -> Iterator[str]:
    """A bar with a line from bound to bound."""
    width, low, high = (round(s / most * _BAR, 1) for s in (told.share, told.low, told.high))
    yield f'<rect class="{kind}" x="{_LABEL}" y="{top}" width="{width}" height="11"/>'
    at = f'x="{_LABEL + low}" y="{top + 5}" width="{high - low:.1f}" height="1"'
    yield f'<rect class="bounds" {at}/>'
    yield (
        f'<text class="figure" x="{_LABEL + high + 6}" y="{top + 10}">'
        f"{told.share * 100:.1f} % {kind}</text>"
    )
