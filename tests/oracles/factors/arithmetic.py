"""Exact arithmetic on fractions, rounded once at the very end."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from decision_service.domain.values import Money

_ANSWER = Context(prec=34, rounding=ROUND_HALF_EVEN)
_WIDE = Context(prec=80, rounding=ROUND_HALF_EVEN)

Exact = Fraction | int


def number(exact: Exact) -> Decimal:
    """A fraction as a Decimal of 34 digits."""
    exact = Fraction(exact)
    return _ANSWER.divide(Decimal(exact.numerator), Decimal(exact.denominator))


def money(exact: Exact, currency: str) -> Money:
    """A fraction of minor units as money; Python's round() is half-even."""
    return Money(currency, round(Fraction(exact)))


def mean(values: Sequence[Exact]) -> Fraction:
    """The sum over the count."""
    return Fraction(sum(values, Fraction(0))) / len(values)


def median(values: Sequence[Exact]) -> Fraction:
    """The middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return Fraction(ordered[middle])
    return Fraction(ordered[middle - 1] + ordered[middle]) / 2


def square_root(exact: Fraction) -> Fraction:
    """A root to some eighty digits, good enough to round at thirty-four."""
    wide = _WIDE.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return Fraction(_WIDE.sqrt(wide))


def deviation(values: Sequence[Exact]) -> Fraction:
    """The standard deviation of a sample, which needs two values."""
    middle = mean(values)
    squares = sum((value - middle) ** 2 for value in values)
    return square_root(Fraction(squares) / (len(values) - 1))
