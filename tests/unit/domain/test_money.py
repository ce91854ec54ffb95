"""Money: exact, bounded, whole minor units."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.values import Money, exponent, to_major, to_minor


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
