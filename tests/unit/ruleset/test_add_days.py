"""`add_days`: the day so many days later."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from decision_service.rules.language.values import add_days


@pytest.mark.parametrize("days", [366, Decimal(366), Decimal("3.66E+2")])
def test_a_product_of_integers_is_a_number_of_days(days):
    """Arithmetic of rules gives Decimals, also of integers, and they count as days."""
    assert add_days(date(2026, 11, 15), days) == date(2027, 11, 16)


def test_a_day_beyond_the_calendar_is_an_error_of_arithmetic():
    """The language makes a missing value of it."""
    with pytest.raises(OverflowError):
        add_days(date(2026, 11, 15), 10**8)
