"""Latencies as counts under fixed bounds, so that many processes and hours add up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

BOUNDS_MS = (
    5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000,
    7_500, 10_000, 15_000, 30_000, 60_000, 3_600_000,
)  # fmt: skip
"""Upper bounds, inclusive; the last is the longest deadline there is.

A ceiling that stands at a bound is judged exactly, one between two bounds by interpolation.
"""


def bound_of(milliseconds: float) -> int:
    """The bound under which a latency is counted; the last for all that is longer."""
    return BOUNDS_MS[min(bisect_left(BOUNDS_MS, milliseconds), len(BOUNDS_MS) - 1)]


def quantile(histogram: Mapping[int, int], share: float) -> float:
    """The latency in ms that `share` of the counted ones do not exceed; 0 where none is counted.

    Between two bounds the counted ones are taken as spread evenly.
    """
    counts = [histogram.get(bound, 0) for bound in BOUNDS_MS]
    wanted = share * sum(counts)
    below = 0.0
    for bound, count, reached in zip(BOUNDS_MS, counts, accumulate(counts), strict=True):
        if count and reached >= wanted:
            return below + (bound - below) * (1 - (reached - wanted) / count)
        below = bound
    return 0.0
