"""Exact arithmetic of the rule language: Decimal with 34 digits, half-even, overflow trapped.

Operands are int or Decimal; money comes in minor units. Division by zero raises ZeroDivisionError,
a function where it has no value Undefined, everything else that has no result another
ArithmeticError. Call it inside `exactly()`.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)

Number = int | Decimal

EXACT = Context(
    prec=34,
    rounding=ROUND_HALF_EVEN,
    Emax=6144,
    Emin=-6143,
    traps=[Overflow, InvalidOperation, DivisionByZero],
)


# Logarithm and exponential are correctly rounded to this precision, so that a power is the same on
# every machine and right to the last of its 34 digits.
_WIDE = Context(
    prec=68,
    rounding=ROUND_HALF_EVEN,
    Emax=6144,
    Emin=-6143,
    traps=[Overflow, InvalidOperation, DivisionByZero],
)


class Undefined(ArithmeticError):
    """A function has no value there, such as the logarithm of zero."""


class exactly:  # noqa: N801  reads as a word: `with exactly():`
    """Run a block under the language's context and put the caller's back."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = getcontext()
        setcontext(EXACT)

    def __exit__(self, *_error: object) -> None:
        setcontext(self._before)


def product(left: Number, right: Number) -> Decimal:
    """left × right, rounded to 34 digits."""
    return Decimal(left) * right


def quotient(dividend: Number, divisor: Number) -> Decimal:
    """dividend ÷ divisor, rounded to 34 digits."""
    if divisor == 0:
        raise ZeroDivisionError
    return Decimal(dividend) / divisor


def floor_to(value: Number, step: Number) -> Decimal:
    """The largest multiple of `step` that is not above `value`; the step's sign is ignored."""
    exact, width = Decimal(value), abs(Decimal(step))
    if width == 0:
        raise ZeroDivisionError
    below = exact // width * width
    return below if below <= exact else below - width


def round_to(value: Number, step: Number) -> Decimal:
    """The multiple of `step` nearest to `value`, a tie to the even multiple."""
    below, width = floor_to(value, step), abs(Decimal(step))
    twice = (Decimal(value) - below) * 2
    up = twice > width or (twice == width and below // width % 2 != 0)
    return below + width if up else below


def annuity(amount: Number, monthly_rate: Number, months: Number) -> Decimal:
    """The level payment at each month's end: amount × r ÷ (1 − (1 + r)^−n).

    At a rate of zero it is amount ÷ n.
    """
    _check_months(months)
    if monthly_rate == 0:
        return quotient(amount, months)
    discounted = _discounted(monthly_rate, months)
    if not discounted:
        raise ZeroDivisionError
    return Decimal(amount) * monthly_rate / discounted


def annuity_amount(payment: Number, monthly_rate: Number, months: Number) -> Decimal:
    """The amount that `months` level payments repay: payment × (1 − (1 + r)^−n) ÷ r.

    At a rate of zero it is payment × n.
    """
    _check_months(months)
    if monthly_rate == 0:
        return product(payment, months)
    return Decimal(payment) * _discounted(monthly_rate, months) / monthly_rate


def exponential(value: Number) -> Decimal:
    """e to the power of a number; too small a result is 0, too large a one overflows."""
    return Decimal(value).exp()


def logarithm(value: Number) -> Decimal:
    """The natural logarithm of a number; Undefined where the number is not above zero."""
    if value <= 0:
        raise Undefined
    return Decimal(value).ln()


def power(base: Number, exponent: Number) -> Decimal:
    """A base to the power of an exponent, rounded to 34 digits.

    Undefined for 0 to the power of 0, and for a base below zero with a fraction as exponent.
    """
    exact, times = Decimal(base), Decimal(exponent)
    if exact == 0:
        return _power_of_zero(times)
    if times == times.to_integral_value():
        return +_WIDE.power(exact, times)
    if exact < 0:
        raise Undefined
    return +_WIDE.exp(_WIDE.multiply(times, _WIDE.ln(exact)))


def add_days(day: date, days: int) -> date:
    """The civil day so many days later, or earlier for a negative number."""
    return day + timedelta(days=days)  # beyond the calendar an OverflowError, which is arithmetic


def _power_of_zero(exponent: Decimal) -> Decimal:
    if exponent < 0:
        raise ZeroDivisionError
    if exponent == 0:
        raise Undefined
    return Decimal(0)


def _discounted(monthly_rate: Number, months: Number) -> Decimal:
    growth = 1 + Decimal(monthly_rate)
    if growth <= 0:  # Decimal would give Infinity or an alternating sign without a signal
        raise InvalidOperation("no loan loses all of itself within a month")
    return 1 - growth**-months


def _check_months(months: Number) -> None:
    if months < 0:
        raise InvalidOperation("a loan has no negative number of months")
