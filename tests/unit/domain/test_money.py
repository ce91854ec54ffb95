"""Money: exact, bounded, whole minor units."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.values import IllegalAmount, Money, exponent, to_major, to_minor


@given(st.integers(-(10**14), 10**14), st.sampled_from(["PHP", "JPY", "KWD"]))
def test_major_and_back_is_the_same_amount(minor: int, currency: str) -> None:
    """Whole minor units survive the way to major units and back in any currency."""
    if abs(to_major(minor, currency)) <= 10**12:
        assert to_minor(to_major(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        ("0.005", 0),
        ("0.015", 2),
        ("0.025", 2),
        ("-0.015", -2),
        ("12.3456", 1235),
        ("1.10000000", 110),
    ],
)
def test_amounts_finer_than_the_minor_unit_round_half_even(amount: str, minor: int) -> None:
    """An amount of up to four decimals becomes whole centavos, halves going to the even one."""
    assert to_minor(Decimal(amount), "PHP") == minor


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400000",
        "-1e13",
        "1000000000000.01",
        "0.00001",
        "1e-400000",
    ],
)
def test_hostile_amounts_are_refused(amount: str) -> None:
    """What is not finite, over 10^12 or finer than four decimals never becomes money."""
    with pytest.raises(IllegalAmount):
        to_minor(Decimal(amount), "PHP")


def test_the_largest_amount_is_legal() -> None:
    """The bound of 10^12 is inclusive on both sides."""
    assert to_minor(Decimal("1e12"), "PHP") == 10**14
    assert to_minor(Decimal("-1e12"), "PHP") == -(10**14)


def test_exponents_follow_iso_4217() -> None:
    """Currencies have the digits that ISO 4217 gives them, two unless listed."""
    assert [exponent(c) for c in ("PHP", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]
    assert Money("JPY", 120).major == Decimal(120)
