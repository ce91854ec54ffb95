"""Values of evaluation: exact arithmetic, and missing values by Kleene's logic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
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
from math import floor
from typing import Any

import msgspec

from decision_service.domain.factor import Value, ValueType
from decision_service.domain.values import (
    ABSENT,
    LARGEST_AMOUNT,
    Cause,
    DataReason,
    Missing,
    Money,
    exponent,
)

Number = int | Decimal

# The decimals of IEEE 754 with 128 bits. What has no value is trapped: Decimal would go on with
# Infinity or NaN, which compare like values.
EXACT = Context(
    prec=34,
    rounding=ROUND_HALF_EVEN,
    Emax=6144,
    Emin=-6143,
    traps=[Overflow, InvalidOperation, DivisionByZero],
)

_CLASSES: dict[ValueType, tuple[type, ...]] = {
    ValueType.INTEGER: (int,),
    ValueType.NUMBER: (Decimal, int),
    ValueType.MONEY: (Money,),
    ValueType.TEXT: (str,),
    ValueType.FLAG: (bool,),
    ValueType.DATE: (date,),
}


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
    return Decimal(left) * right


def quotient(dividend: Number, divisor: Number) -> Decimal:
    """dividend ÷ divisor, rounded to 34 digits."""
    if divisor == 0:
        raise ZeroDivisionError
    return Decimal(dividend) / divisor


def floor_to(value: Number, step: Number) -> Decimal:
    """The largest multiple of `step` that is not above `value`; the step's sign is ignored."""
    exact = Decimal(value)
    width = abs(Decimal(step))
    if width == 0:
        raise ZeroDivisionError
    below = exact // width * width
    # `//` of decimals rounds towards zero, which is up where the value is below it.
    return below if below <= exact else below - width


def round_to(value: Number, step: Number) -> Decimal:
    """The multiple of `step` nearest to `value`, a tie to the even multiple."""
    below = floor_to(value, step)
    width = abs(Decimal(step))
    twice = (Decimal(value) - below) * 2
    up = twice > width or (twice == width and below // width % 2 != 0)
    return below + width if up else below


def annuity(amount: Number, monthly_rate: Number, months: Number) -> Decimal:
    """The level payment at each month's end: amount × r ÷ (1 − (1 + r)^−n); amount ÷ n at r = 0."""
    _check_months(months)
    if monthly_rate == 0:
        return quotient(amount, months)
    discounted = _discounted(monthly_rate, months)
    if not discounted:
        raise ZeroDivisionError
    return Decimal(amount) * monthly_rate / discounted


def annuity_amount(payment: Number, monthly_rate: Number, months: Number) -> Decimal:
    """What n level payments repay: payment × (1 − (1 + r)^−n) ÷ r; payment × n at r = 0."""
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


def add_days(day: date, days: Number) -> date:
    # A product of integers is a Decimal.
    whole = int(days)
    # Beyond the calendar it is an OverflowError, and so a rule without a result.
    return day + timedelta(days=whole)


def _discounted(monthly_rate: Number, months: Number) -> Decimal:
    growth = 1 + Decimal(monthly_rate)
    # Decimal would give Infinity or an alternating sign, and signal nothing.
    if growth <= 0:
        raise InvalidOperation("no loan loses all of itself within a month")
    return 1 - growth**-months


def _check_months(months: Number) -> None:
    if months < 0:
        raise InvalidOperation("a loan has no negative number of months")


class Gap(msgspec.Struct, frozen=True, gc=False):
    name: str
    missing: Missing


class Unknown:
    """No value: of one gap, or of unknown `parts`, whose gaps are listed when first asked for."""

    __slots__ = ("gaps", "parts", "shown")

    # In text order, each name once; `shown` is the first tainted one of them, else the first.
    gaps: tuple[Gap, ...]
    shown: Gap

    def __init__(self, parts: Sequence[Unknown], gap: Gap | None = None) -> None:
        self.parts = parts
        if gap is not None:
            self.gaps = (gap,)
            self.shown = gap

    def __getattr__(self, name: str) -> Any:
        """List the gaps of the parts, when `gaps` or `shown` is first asked for."""
        if name not in Unknown.__slots__:
            raise AttributeError(name)
        # Most unknown values only pass through conditions, and nobody asks for their gaps.
        self.gaps = gaps = _listed(self.parts)
        failures = [gap for gap in gaps if gap.missing.cause not in ABSENT]
        self.shown = failures[0] if failures else gaps[0]
        return gaps if name == "gaps" else self.shown

    @property
    def tainted(self) -> bool:
        return self.shown.missing.cause not in ABSENT

    def __repr__(self) -> str:
        names = ", ".join(f"{g.name} {g.missing.cause}" for g in self.gaps)
        return f"Unknown({names})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and self.gaps == other.gaps

    def __hash__(self) -> int:
        return hash(self.gaps)

    def _compared(self, other: Any) -> Unknown:
        """An order with an unknown side is unknown; `==` stays the equality of objects."""
        return _both(self, other) if other.__class__ is Unknown else self

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def __and__(self, other: Any) -> Any:
        if other is False:
            return False
        return _both(self, other) if other.__class__ is Unknown else self

    def __rand__(self, other: bool) -> Any:
        return self if other else False

    def __or__(self, other: Any) -> Any:
        if other is True:
            return True
        return _both(self, other) if other.__class__ is Unknown else self

    def __ror__(self, other: bool) -> Any:
        return True if other else self

    def __xor__(self, _other: bool) -> Unknown:
        """`flag ^ True` is the contrary of a flag."""
        return self


def unknown(name: str, cause: Cause, **details: Any) -> Unknown:
    return Unknown((), Gap(name, Missing(cause, **details)))


def rule_error(name: str, detail: str) -> Unknown:
    """UNKNOWN because the rule has no result; no rule may skip it."""
    return unknown(name, Cause.BAD_DATA, code=DataReason.RULE_ERROR, detail=detail)


def union(values: Iterable[Any]) -> Unknown | None:
    """UNKNOWN with the gaps of all unknown values, None where every value is there."""
    found = [v for v in values if v.__class__ is Unknown]
    if not found:
        return None
    return found[0] if len(found) == 1 else Unknown(found)


def strict(function: Callable[..., Any], name: str, text: str) -> Callable[..., Any]:
    """UNKNOWN where an argument is; no result is a gap of `name`, any other error one of `text`."""

    def apply(*given: Any) -> Any:
        for value in given:
            if value.__class__ is Unknown:
                return equal(*given) if len(given) == 2 else union(given)
        try:
            return function(*given)
        except ZeroDivisionError:
            return unknown(name, Cause.DIVISION_BY_ZERO, detail=text)
        except Undefined:
            return unknown(name, Cause.UNDEFINED, detail=text)
        # Nothing is raised into a decision: a rule without a result refers.
        except (ArithmeticError, TypeError, ValueError):
            return rule_error(text, "the result has no exact number")

    return apply


def equal(left: Any, right: Any) -> Any:
    if left.__class__ is Unknown:
        return _both(left, right) if right.__class__ is Unknown else left
    return right if right.__class__ is Unknown else left == right


def coalesce(*values: Any) -> Any:
    """The first present value; UNKNOWN where there is none, or a tainted one comes first."""
    for value in values:
        # A failure hides a value that may be there: nothing else may take its place.
        if value.__class__ is not Unknown or value.tainted:
            return value
    return union(values)


def known(value: Any) -> Any:
    if value.__class__ is not Unknown:
        return True
    # Behind a failure there may be a value: whether it is known is not known.
    return value if value.tainted else False


def tainted(value: Any) -> bool:
    return value.__class__ is Unknown and value.tainted


def missing(value: Any) -> Any:
    if value.__class__ is not Unknown:
        return False
    return value if value.tainted else True


def _both(left: Unknown, right: Unknown) -> Unknown:
    return left if left is right else Unknown((left, right))


def _listed(parts: Sequence[Unknown]) -> tuple[Gap, ...]:
    """All gaps below, first to last; what several share is looked into once, without recursion."""
    found: dict[str, Gap] = {}
    seen: set[int] = set()
    left = list(parts[::-1])
    while left:
        part = left.pop()
        if not part.parts:
            gap = part.shown
            if gap.name not in found:
                found[gap.name] = gap
        elif id(part) not in seen:
            seen.add(id(part))
            left += part.parts[::-1]
    return tuple(found.values())


def has_type(value: object, type_: ValueType) -> bool:
    """Whether a value is exactly of a type; a flag is no integer, an instant no date."""
    # In Python a bool is an int, and a datetime a date.
    if isinstance(value, bool):
        return type_ is ValueType.FLAG
    return isinstance(value, _CLASSES[type_]) and not isinstance(value, datetime)


def to_runtime(name: str, value: Value, type_: ValueType, currency: str) -> Any:
    """A value in evaluation's form; UNKNOWN where its type or currency is wrong."""
    if not has_type(value, type_):
        return unknown(name, Cause.BAD_DATA, detail=f"not {type_}")
    if isinstance(value, Money):
        if value.currency != currency:
            return unknown(name, Cause.MIXED_CURRENCY, detail=value.currency)
        return value.minor
    if isinstance(value, Decimal) and not value.is_finite():
        return unknown(name, Cause.BAD_DATA, detail="not finite")
    return value


def from_runtime(name: str, value: Any, type_: ValueType, currency: str) -> Value | Unknown:
    """A result outside: money floored to minor units; UNKNOWN beyond ±10^12 or if no integer."""
    if type_ is ValueType.MONEY:
        if abs(value) > LARGEST_AMOUNT.scaleb(exponent(currency)):
            return rule_error(name, "the amount is beyond 10^12")
        return Money(currency, floor(value))
    if type_ is ValueType.INTEGER and isinstance(value, Decimal):
        # int() of 1E+6000 would have thousands of digits.
        if value.adjusted() > 33 or value != value.to_integral_value():
            return rule_error(name, "the integer has no exact value")
        return int(value)
    if type_ is ValueType.NUMBER:
        return Decimal(value)
    result: Value = value
    return result
