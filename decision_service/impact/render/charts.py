"""Charts as inline SVG: pairs of bars, before and after, that print and need no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import msgspec

WIDTH = 640
_LABEL, _BAR, _ROW, _TOP = 180, 380, 34, 8


class Bar(msgspec.Struct, frozen=True):
    """A share before and after, 0 to 1."""

    name: str
    before: float
    after: float


class Chart(msgspec.Struct, frozen=True):
    """Pairs of bars under a title that a screen reader speaks."""

    title: str
    bars: Sequence[Bar]


def svg(chart: Chart) -> str:
    """The chart; colours come from the page, so that it is light or dark with it."""
    height = _TOP + _ROW * len(chart.bars)
    title = escape(chart.title)
    rows = "".join(_row(bar, _TOP + _ROW * place) for place, bar in enumerate(chart.bars))
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}">{rows}</svg>'
    )


def _row(bar: Bar, top: int) -> str:
    return "".join(
        (*_name(bar, top), *_half(bar.before, top, "before"), *_half(bar.after, top + 13, "after"))
    )


def _name(bar: Bar, top: int) -> Iterator[str]:
    shown = bar.name if len(bar.name) <= 24 else f"{bar.name[:23]}…"
    yield f'<text x="{_LABEL - 8}" y="{top + 17}" text-anchor="end">{escape(shown)}</text>'


def _half(share: float, top: int, kind: str) -> Iterator[str]:
    width = round(share * _BAR, 1)
    yield f'<rect class="{kind}" x="{_LABEL}" y="{top}" width="{width}" height="11"/>'
    yield (
        f'<text class="figure" x="{_LABEL + width + 6}" y="{top + 10}">'
        f"{share * 100:.1f} % {kind}</text>"
    )
