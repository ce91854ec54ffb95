"""What one count of months says of another."""

from __future__ import annotations

from decimal import Decimal

import pytest

from decision_service.rules.ranges import ValueRange
from decision_service.rules.reach import implied, in_a_first_job


def _span(low, high):
    return ValueRange(Decimal(low), None if high is None else Decimal(high))


@pytest.mark.parametrize(
    ("name", "value", "other", "span"),
    [
        ("income.months_24m", 4, "income.months_12m", _span(0, 4)),
        ("income.months_24m", 20, "income.months_12m", _span(8, 20)),
        ("income.months_12m", 4, "income.months_24m", _span(4, 16)),
        ("income.months_12m", 4, "income.months_total", _span(4, 10_000 - 12 + 4)),
        ("income.months_total", 4, "income.months_12m", _span(0, 4)),
        ("income.months_12m", 4, "income.backed_months_12m", _span(0, 4)),
        ("income.backed_months_12m", 4, "income.months_12m", _span(4, None)),
        ("contributions.months_24m", 4, "contributions.months_3m", _span(0, 4)),
    ],
)
def test_a_count_bounds_counts_of_other_windows(name, value, other, span):
    """Of fewer months there are at most as many, of more at most as many more as it is longer."""
    assert implied(name, Decimal(value), other) == span


@pytest.mark.parametrize(
    "other", ["contributions.months_12m", "income.average_6m", "income.months_since_first"]
)
def test_other_factors_are_not_bounded(other):
    """Another family, an amount or a distance in time follows from no count of months."""
    assert implied("income.months_24m", Decimal(4), other) is None


def test_in_a_first_job_every_count_is_small():
    """Whoever earns for the first time has no older income and no older contributions."""
    asked = ("contributions.months_12m", "income.months_since_first", "income.months_12m")
    found = [in_a_first_job("income.months_24m", Decimal(4), other) for other in asked]
    assert found == [_span(0, 4)] * 3
    assert in_a_first_job("contributions.months_24m", Decimal(4), "income.months_12m") is None
    assert in_a_first_job("income.months_24m", Decimal(4), "income.volatility_6m") is None
