"""The intervals of a rate, and of a paired difference of two rates."""

from __future__ import annotations

from math import sqrt

import msgspec

Z95 = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""


class Interval(msgspec.Struct, frozen=True):
    """A difference of shares, -1 to 1, with the bounds that cover it in 95 of 100 samples."""

    difference: float
    low: float
    high: float


class Share(msgspec.Struct, frozen=True):
    """A share, 0 to 1, with the bounds that cover it in 95 of 100 samples."""

    share: float
    low: float
    high: float


def share_of(many: float, n: float, z: float = Z95) -> Share:
    """So many of `n`, above 0, with Wilson's bounds."""
    share, wide = many / n, z * z / n
    middle = (share + wide / 2) / (1 + wide)
    half = sqrt(wide * (share * (1 - share) + wide / 4)) / (1 + wide)
    return Share(share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share))


def paired_interval(lost: int, gained: int, n: int, z: float = Z95) -> Interval | None:
    """The difference `(gained - lost) / n` of two rates on the same people; None for nobody.

    `lost` had it before alone, `gained` have it after alone. Bounds by Bonett and Price, "Adjusted
    Wald confidence interval for a difference of binomial proportions based on paired data",
    Journal of Educational and Behavioral Statistics 37 (2012). A smaller level for many
    comparisons is a larger `z`.
    """
    if n <= 0:
        return None
    less, more = (lost + 1) / (n + 2), (gained + 1) / (n + 2)
    middle = more - less
    half = z * sqrt(max(less + more - middle * middle, 0.0) / (n + 2))
    return Interval((gained - lost) / n, max(middle - half, -1.0), min(middle + half, 1.0))
