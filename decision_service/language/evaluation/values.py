"""Between the values that come and go and those of evaluation, where money is minor units."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from decision_service.domain.factor import Value, ValueType
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.money import LARGEST_AMOUNT, Money, exponent
from decision_service.language.evaluation.kleene import Gap, Unknown

_CLASSES: dict[ValueType, tuple[type, ...]] = {
    ValueType.INTEGER: (int,),
    ValueType.NUMBER: (Decimal, int),
    ValueType.MONEY: (Money,),
    ValueType.TEXT: (str,),
    ValueType.FLAG: (bool,),
    ValueType.DATE: (date,),
}


def has_type(value: object, type_: ValueType) -> bool:
    """Whether a value is exactly of a type; a flag is no integer, an instant no date."""
    if isinstance(value, bool):
        return type_ is ValueType.FLAG
    return isinstance(value, _CLASSES[type_]) and not isinstance(value, datetime)


def to_runtime(name: str, value: Value, type_: ValueType, currency: str) -> Any:
    """A value as evaluation wants it; UNKNOWN where it is not of its type or currency."""
    if not has_type(value, type_):
        return Unknown([Gap(name, Missing(Cause.BAD_DATA, detail=f"not {type_}"))])
    if isinstance(value, Money):
        if value.currency != currency:
            missing = Missing(Cause.MIXED_CURRENCY, detail=value.currency)
            return Unknown([Gap(name, missing)])
        return value.minor
    if isinstance(value, Decimal) and not value.is_finite():
        return Unknown([Gap(name, Missing(Cause.BAD_DATA, detail="not finite"))])
    return value


def from_runtime(name: str, value: Any, type_: ValueType, currency: str) -> Value | Unknown:
    """A result as it leaves: money rounded down to the minor unit, integers as int.

    UNKNOWN (RULE_ERROR) where the amount is beyond ±10^12 or an integer is not whole.
    """
    if type_ is ValueType.MONEY:
        if abs(value) > LARGEST_AMOUNT.scaleb(exponent(currency)):
            return _unfit(name, "the amount is beyond 10^12")
        return Money(currency, floor_minor(value))
    if type_ is ValueType.INTEGER and isinstance(value, Decimal):
        if value.adjusted() > 33 or value != value.to_integral_value():
            return _unfit(name, "the integer has no exact value")
        return int(value)
    if type_ is ValueType.NUMBER:
        return Decimal(value)
    result: Value = value
    return result


def floor_minor(value: Decimal | int) -> int:
    """Minor units rounded down; the value must be of a sane size."""
    if isinstance(value, int):
        return value
    return int(value.to_integral_value(ROUND_FLOOR))


def _unfit(name: str, detail: str) -> Unknown:
    missing = Missing(Cause.BAD_DATA, code=DataReason.RULE_ERROR, detail=detail)
    return Unknown([Gap(name, missing)])
