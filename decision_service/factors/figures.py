"""Exact arithmetic on amounts: integers and fractions in, never binary floating point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from decision_service.domain.factor import Value, ValueType
from decision_service.domain.missing import Cause
from decision_service.domain.money import EXACT, Money

Amount = int | Fraction
"""Minor units; a fraction only where a long pay period was spread over its days."""

Figure = int | Fraction | Decimal | str | bool
"""What a factor computes before it is rounded: money in minor units, numbers exact."""


def decimal_of(figure: Amount | Decimal) -> Decimal:
    """The figure as a Decimal of 34 digits, rounded half-even."""
    if isinstance(figure, Fraction):
        return EXACT.divide(Decimal(figure.numerator), Decimal(figure.denominator))
    return EXACT.create_decimal(figure)


def present(figure: Figure | date, type_: ValueType, currency: str) -> Value:
    """The figure as a value of the rule language; money is rounded half-even to the minor unit."""
    if isinstance(figure, (bool, str, date)):
        return figure
    if type_ is ValueType.MONEY:
        return Money(currency, round(figure))
    if type_ is ValueType.INTEGER:
        return int(figure)
    return decimal_of(figure)


def quotient(part: Amount, whole: Amount) -> Amount:
    """`part` over `whole`, exact."""
    return Fraction(part, whole)


def mean(values: Sequence[Amount]) -> Amount:
    """The arithmetic mean of at least one value."""
    return quotient(sum(values), len(values))


def median(values: Sequence[Amount]) -> Amount:
    """The middle value; of an even count the mean of the two in the middle."""
    return quotient(twice_median(values), 2)


def twice_median(values: Sequence[Amount]) -> Amount:
    """The sum of the two values in the middle; of an odd count the middle one counts twice."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]


def deviation(values: Sequence[Amount]) -> Decimal:
    """The sample standard deviation (divisor n - 1) of at least two values, to 34 digits."""
    count, total = len(values), sum(values)
    squares = sum(value * value for value in values)
    variance = quotient(count * squares - total * total, count * (count - 1))
    return EXACT.sqrt(decimal_of(variance))


def variation(values: Sequence[Amount]) -> Decimal | Cause:
    """The coefficient of variation: sample standard deviation over a mean above zero."""
    total = sum(values)
    if total <= 0:
        return Cause.DIVISION_BY_ZERO
    return EXACT.divide(deviation(values), decimal_of(quotient(total, len(values))))


def ratio(part: Amount, whole: Amount) -> Amount | Cause:
    """`part` over a `whole` above zero."""
    return quotient(part, whole) if whole > 0 else Cause.DIVISION_BY_ZERO


def percent_change(new: Amount, old: Amount) -> Amount | Cause:
    """The change from an `old` amount above zero, in percent of it."""
    return quotient((new - old) * 100, old) if old > 0 else Cause.DIVISION_BY_ZERO


def longest_run(flags: Sequence[bool]) -> int:
    """The length of the longest run of true flags."""
    longest = current = 0
    for flag in flags:
        current = current + 1 if flag else 0
        longest = max(longest, current)
    return longest
