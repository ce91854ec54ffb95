"""The points of a sweep: every value of a range of figures, two ranges as a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

import msgspec

MOST_POINTS = 500
MOST_RANGES = 2


class SweepUnfit(ValueError):
    """Ranges that give no points, or too many."""


class FigureRange(msgspec.Struct, frozen=True):
    """A figure with its first and last value, and the step between two."""

    figure: str
    first: Decimal
    last: Decimal
    step: Decimal


def points_of(ranges: Sequence[FigureRange]) -> Sequence[Mapping[str, str]]:
    """Every point, at most 500; raises SweepUnfit."""
    if len(ranges) > MOST_RANGES:
        raise SweepUnfit(f"there are {len(ranges)} ranges: two at most")
    count = 1
    for one in ranges:
        count *= _steps(one)
    if count > MOST_POINTS:
        raise SweepUnfit(
            f"the sweep has {count:,} points and {MOST_POINTS} are the most: widen the steps"
        )
    if not ranges:
        return []
    names = [one.figure for one in ranges]
    every = product(*(_values(one) for one in ranges))
    return [dict(zip(names, values, strict=True)) for values in every]


def _steps(one: FigureRange) -> int:
    if one.step <= 0 or one.last < one.first:
        raise SweepUnfit(
            f"{one.figure} goes from {one.first} to {one.last} by {one.step}: the end must not be "
            "below the beginning, and the step above 0"
        )
    return int((one.last - one.first) / one.step) + 1


def _values(one: FigureRange) -> list[str]:
    return [f"{one.first + one.step * place:f}" for place in range(_steps(one))]
