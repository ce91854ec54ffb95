"""The interval of a paired difference covers the true one."""

from __future__ import annotations

from math import exp, lgamma, log, log1p, sqrt

import pytest

from decision_service.rollout.impact import paired_interval, share_of


@pytest.mark.parametrize("n", [200, 1_000, 5_000, 20_000])
@pytest.mark.parametrize(
    ("difference", "churn"),
    [
        (difference, churn)
        for difference in (0.0, 0.001, 0.01, 0.05)
        for churn in (0.0, 0.001, 0.005)
        if difference or churn
    ],
)
def test_the_interval_covers_the_true_difference(n: int, difference: float, churn: float) -> None:
    """In at least 94 of 100 samples: computed, not simulated, over all that can well be seen."""
    assert coverage(n, churn, churn + difference) >= 0.94


@pytest.mark.parametrize("n", [30, 200, 2_000])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_the_bounds_of_a_rate_cover_the_true_one(n: int, rate: float) -> None:
    """In at least 92 of 100 samples, computed; a rate of 0 or 1 has bounds too."""
    bounds = [share_of(many, n) for many in range(n + 1)]
    chances = (_chance(n, many, 0, rate, 0) for many in range(n + 1))
    covers = [one.low <= rate <= one.high for one in bounds]
    assert sum(c for c, holds in zip(chances, covers, strict=True) if holds) >= 0.92
    assert all(one.low <= one.share <= one.high for one in bounds)
    assert bounds[0].high > 0 == bounds[0].low
    assert bounds[-1].low < 1 == bounds[-1].high


def test_nobody_has_no_difference() -> None:
    """Without applicants there is no rate."""
    assert paired_interval(0, 0, 0) is None


def coverage(n: int, lost: float, gained: float) -> float:
    """The probability that the interval of a sample covers the difference."""
    found = 0.0
    for few in _likely(n, lost):
        for many in _likely(n, gained):
            interval = paired_interval(few, many, n)
            if interval is not None and interval.low <= gained - lost <= interval.high:
                found += _chance(n, few, many, lost, gained)
    return found


def _likely(n: int, share: float) -> range:
    spread = 5 * sqrt(n * share) + 6
    return range(max(0, int(n * share - spread)), int(n * share + spread) + 1)


def _chance(n: int, few: int, many: int, lost: float, gained: float) -> float:
    if (few and not lost) or (many and not gained) or few + many > n:
        return 0.0
    ways = lgamma(n + 1) - lgamma(few + 1) - lgamma(many + 1) - lgamma(n - few - many + 1)
    mine = few * log(lost) if few else 0.0
    theirs = many * log(gained) if many else 0.0
    return exp(ways + mine + theirs + (n - few - many) * log1p(-lost - gained))
