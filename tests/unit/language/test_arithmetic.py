"""Exact arithmetic: multiples, annuities, and their laws."""

from __future__ import annotations

from decimal import Decimal, Overflow, getcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rules.language.values import (
    EXACT,
    Undefined,
    annuity,
    annuity_amount,
    exactly,
    exponential,
    floor_to,
    logarithm,
    quotient,
    round_to,
)
from tests.fakes.examples import examples

LAWS = settings(max_examples=examples(300), deadline=None)
numbers = st.decimals(-(10**9), 10**9, places=4)
steps = st.decimals("0.01", 1000, places=2)


@LAWS
@given(numbers, steps)
def test_floor_is_the_multiple_below(value, step):
    """floor gives the largest multiple of the step that is not above the value."""
    with exactly():
        found = floor_to(value, step)
        assert found <= value < found + step
        assert found % step == 0


@LAWS
@given(numbers, steps)
def test_round_is_the_nearest_multiple(value, step):
    """round gives a multiple that no other is nearer than."""
    with exactly():
        found = round_to(value, step)
        assert abs(found - value) * 2 <= step
        assert found % step == 0


@pytest.mark.parametrize(
    ("value", "step", "rounded", "floored"),
    [
        (5, 2, 4, 4),
        (3, 2, 4, 2),
        (-5, 2, -4, -6),
        (Decimal("2.5"), 1, 2, 2),
        (Decimal("3.5"), 1, 4, 3),
        (7, -5, 5, 5),
        (0, 5, 0, 0),
    ],
)
def test_ties_go_to_the_even_multiple(value, step, rounded, floored):
    """A tie goes to the even multiple, and the sign of the step is ignored."""
    with exactly():
        assert (round_to(value, step), floor_to(value, step)) == (rounded, floored)


def test_a_step_of_zero_divides_by_zero():
    """A step of zero is a division by zero."""
    for function in (round_to, floor_to, quotient):
        with exactly(), pytest.raises(ZeroDivisionError):
            function(3, 0)


@LAWS
@given(
    st.integers(1, 10**9),
    st.decimals("0.0001", "0.2", places=4),
    st.integers(1, 120),
)
def test_annuity_and_its_amount_are_inverse(amount, rate, months):
    """The amount that an annuity repays is the amount it was computed from."""
    with exactly():
        back = annuity_amount(annuity(amount, rate, months), rate, months)
    assert abs(back - amount) < Decimal("1e-18") * amount


def test_annuities_of_known_loans():
    """Annuities agree with the textbook's formula, at a rate of zero with plain division."""
    with exactly():
        assert round(annuity(20000, Decimal("0.05"), 6), 2) == Decimal("3940.35")
        assert annuity(600, 0, 6) == 100
        assert annuity_amount(100, 0, 6) == 600
        assert annuity_amount(100, Decimal("0.05"), 0) == 0


@pytest.mark.parametrize("function", [annuity, annuity_amount])
def test_annuities_that_have_no_value_raise(function):
    """Negative months and a rate of minus one have no value."""
    with exactly(), pytest.raises(ArithmeticError):
        function(1000, Decimal("0.05"), -1)
    with exactly(), pytest.raises(ArithmeticError):
        function(1000, Decimal(-1), 3)


def test_an_annuity_over_no_months_divides_by_zero():
    """A loan over no months has no payment."""
    for rate in (0, Decimal("0.05")):
        with exactly(), pytest.raises(ZeroDivisionError):
            annuity(1000, rate, 0)


@pytest.mark.parametrize(
    ("found", "digits"),
    [
        (lambda: exponential(0), "1"),
        (lambda: exponential(1), "2.718281828459045235360287471352662"),
        (lambda: exponential(Decimal("-2.4")), "0.09071795328941250337517222007969147"),
        (lambda: exponential(-20000), "0"),
        (lambda: logarithm(1), "0"),
        (lambda: logarithm(2), "0.6931471805599453094172321214581766"),
        (lambda: logarithm(Decimal("0.05")), "-2.995732273553990993435223576142541"),
    ],
)
def test_curves_have_the_digits_of_the_textbook(found, digits):
    """Exponentials and logarithms are right to the last of their 34 digits."""
    with exactly():
        assert found() == Decimal(digits)


@LAWS
@given(st.decimals(-100, 100, places=6), st.decimals(-100, 100, places=6))
def test_curves_rise_with_their_argument(one, other):
    """A larger argument never has a smaller exponential or logarithm."""
    low, high = sorted((one, other))
    with exactly():
        assert exponential(low) <= exponential(high)
        if low > 0:
            assert logarithm(low) <= logarithm(high)


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        (logarithm, (0,), Undefined),
        (logarithm, (-1,), Undefined),
        (exponential, (20000,), Overflow),
    ],
)
def test_curves_that_have_no_value_raise(function, arguments, error):
    """Outside of where a function has a value it raises, and so does a result too large."""
    with exactly(), pytest.raises(error):
        function(*arguments)


def test_the_callers_context_comes_back():
    """The language's context holds inside the block only, also after an error."""
    before = getcontext()
    with exactly():
        assert getcontext() is EXACT
    with pytest.raises(ZeroDivisionError), exactly():
        quotient(1, 0)
    assert getcontext() is before
