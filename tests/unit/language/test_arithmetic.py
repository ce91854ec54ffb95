"""Exact arithmetic: multiples, annuities, and their laws."""

from __future__ import annotations

from decimal import Decimal, getcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.language.evaluation.arithmetic import (
    EXACT,
    annuity,
    annuity_amount,
    exactly,
    floor_to,
    quotient,
    round_to,
)

LAWS = settings(max_examples=300, deadline=None)
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


def test_the_callers_context_comes_back():
    """The language's context holds inside the block only, also after an error."""
    before = getcontext()
    with exactly():
        assert getcontext() is EXACT
    with pytest.raises(ZeroDivisionError), exactly():
        quotient(1, 0)
    assert getcontext() is before
