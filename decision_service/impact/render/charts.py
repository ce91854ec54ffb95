"""What charts show; `report.html` draws them, so that they print and need no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor
from typing import ClassVar

import msgspec

from decision_service.impact.interval import Share


class Bar(msgspec.Struct, frozen=True):
    """A share before and after, each with its bounds."""

    name: str
    before: Share
    after: Share


class Bars(msgspec.Struct, frozen=True):
    """Pairs of bars on an axis from 0."""

    kind: ClassVar = "bars"
    title: str
    bars: Sequence[Bar]

    @property
    def most(self) -> float:
        """The end of the axis."""
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
