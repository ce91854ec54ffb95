"""Spans of the exponential, the logarithm and powers, by the spans of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import product

from decision_service.language.evaluation import arithmetic
from decision_service.ruleset.analysis.regions import EVERYTHING, ValueRange

_NOTHING = Decimal(0)


def span_of_exponential(of: ValueRange) -> ValueRange:
    """Above zero, and rising with its argument; without an upper end where that overflows."""
    low = _value(arithmetic.exponential, of.low)
    return ValueRange(_NOTHING if low is None else low, _value(arithmetic.exponential, of.high))


def span_of_logarithm(of: ValueRange) -> ValueRange:
    """Rising with its argument; the argument is above zero wherever there is a value."""
    return ValueRange(_value(arithmetic.logarithm, of.low), _value(arithmetic.logarithm, of.high))


def span_of_power(base: ValueRange, exponent: ValueRange) -> ValueRange:
    """The span of a power whose base is not below zero; any other base leaves everything open.

    It rises or falls all the way along either argument, so that its ends lie at their ends.
    """
    if base.low is None or base.low < 0:
        return EVERYTHING
    ends = (base.low, base.high, exponent.low, exponent.high)
    if base.low == 0 or None in ends:
        return _from_zero(base, exponent)
    corners = [_value(arithmetic.power, *each) for each in product(ends[:2], ends[2:])]
    known = [corner for corner in corners if corner is not None]
    return ValueRange(
        min(known, default=_NOTHING), max(known) if len(known) == len(corners) else None
    )


def _from_zero(base: ValueRange, exponent: ValueRange) -> ValueRange:
    """The span of a power of a base that may be zero, or of which an end is not known."""
    if base.high is None or exponent.low is None or exponent.low <= 0 or exponent.high is None:
        return ValueRange(_NOTHING, None)
    ends = [_value(arithmetic.power, base.high, end) for end in (exponent.low, exponent.high)]
    known = [end for end in ends if end is not None]
    return ValueRange(_NOTHING, max(known) if len(known) == len(ends) else None)


def _value(function: Callable[..., Decimal], *arguments: Decimal | None) -> Decimal | None:
    """A function's value at an end; None where there is no end or no value."""
    given = [argument for argument in arguments if argument is not None]
    try:
        return function(*given) if len(given) == len(arguments) else None
    except ArithmeticError:
        return None
