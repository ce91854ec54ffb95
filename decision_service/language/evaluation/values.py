"""Conversion between outside values and those of evaluation, where money is in minor units."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from math import floor
from typing import Any

from decision_service.domain.factor import Value, ValueType
from decision_service.domain.missing import Cause
from decision_service.domain.money import LARGEST_AMOUNT, Money, exponent
from decision_service.language.evaluation.kleene import Unknown, rule_error, unknown

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
    """A result in its outside form: money rounded down to the minor unit, integers as int.

    UNKNOWN (RULE_ERROR) where the amount is beyond ±10^12 or an integer is not whole.
    """
    if type_ is ValueType.MONEY:
        if abs(value) > LARGEST_AMOUNT.scaleb(exponent(currency)):
            return rule_error(name, "the amount is beyond 10^12")
        return Money(currency, floor_minor(value))
    if type_ is ValueType.INTEGER and isinstance(value, Decimal):
        if value.adjusted() > 33 or value != value.to_integral_value():
            return rule_error(name, "the integer has no exact value")
        return int(value)
    if type_ is ValueType.NUMBER:
        return Decimal(value)
    result: Value = value
    return result


def floor_minor(value: Decimal | int) -> int:
    """Minor units rounded down; the value must be of a sane size."""
    return floor(value)
