"""`min` and `max` of inputs and parameters."""

from __future__ import annotations

from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.domain.money import to_major
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.readers import as_decimal
from decision_service.ruleset.reading.literals import as_amount

BOUNDED = (ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY)

Bounds = tuple[Decimal | None, Decimal | None]


def read_bounds(fields: Fields, type_: ValueType, currency: str, report: Report) -> Bounds:
    """Both bounds, inclusive, money in major units; (None, None) where they cannot be."""
    if type_ not in BOUNDED:
        for key in ("min", "max"):
            if fields.has(key):
                message = f"`{key}` does not fit the type {type_}"
                report.error("R312", fields.node.key_place(key), message, "remove it")
        return None, None
    lower, upper = (_bound(fields, key, type_, currency, report) for key in ("min", "max"))
    if lower is not None and upper is not None and lower > upper:
        message = f"`min` {lower} is above `max` {upper}"
        report.error("R123", fields.place("min"), message)
        return None, None
    return lower, upper


def bounds_text(lower: Decimal | None, upper: Decimal | None) -> str:
    """`1 to 36`, `1 or more`, `36 or less`; empty without a bound."""
    if lower is None:
        return "" if upper is None else f"{upper:f} or less"
    return f"{lower:f} or more" if upper is None else f"{lower:f} to {upper:f}"


def major(value: int | Decimal, type_: ValueType, currency: str) -> Decimal:
    """A value in the units of bounds: money in major units."""
    return to_major(int(value), currency) if type_ is ValueType.MONEY else Decimal(value)


def _bound(
    fields: Fields, key: str, type_: ValueType, currency: str, report: Report
) -> Decimal | None:
    node = fields.get(key)
    if node is None:
        return None
    if type_ is ValueType.MONEY:
        return as_amount(node, f"`{key}`", currency, report)
    return as_decimal(node, f"`{key}`", report)
