"""Money: exact, bounded, whole minor units. Months: values that count, compare and print."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.values import Money, Month, exponent, to_major, to_minor


@given(st.integers(-(10**14), 10**14), st.sampled_from(["PHP", "JPY", "KWD"]))
def test_major_and_back_is_the_same_amount(minor: int, currency: str) -> None:
    """Whole minor units survive the way to major units and back in any currency."""
    if abs(to_major(minor, currency)) <= 10**12:
        assert to_minor(to_major(minor, currency), currency) == minor


def test_the_largest_amount_is_legal() -> None:
    """The bound of 10^12 is inclusive on both sides."""
    assert to_minor(Decimal("1e12"), "PHP") == 10**14
    assert to_minor(Decimal("-1e12"), "PHP") == -(10**14)


def test_exponents_follow_iso_4217() -> None:
    """Currencies have the digits that ISO 4217 gives them, two unless listed."""
    assert [exponent(c) for c in ("PHP", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]
    assert Money("JPY", 120).major == Decimal(120)


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)))
def test_a_month_holds_its_days(day: date) -> None:
    """A date lies between the first and last day of its month, and the day after does not."""
    month = Month.of(day)
    assert month.first_day <= day <= month.last_day
    assert Month.of(month.last_day + timedelta(days=1)) == month.plus(1)
    assert Month.parse(str(month)) == month


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "26-01", "2026/01", "2026-1", "0000-01", "٢٠٢٦-٠١"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    """Only `yyyy-MM` with a real month parses."""
    with pytest.raises(ValueError, match=r"."):
        Month.parse(text)
