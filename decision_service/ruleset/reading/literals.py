"""Literals of a declared type, as they stand in the YAML of inputs, params and cells."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.domain.money import exponent
from decision_service.language.diagnostics import Report
from decision_service.language.expressions.literals import money_minor
from decision_service.language.expressions.tree import Literal
from decision_service.language.yaml.nodes import Scalar, YamlNode
from decision_service.language.yaml.readers import (
    as_day,
    as_decimal,
    as_flag,
    as_integer,
    as_text,
)

_CURRENCY = re.compile(r"[A-Z]{3}")
_READERS: dict[ValueType, Callable[[YamlNode, str, Report], Literal | None]] = {
    ValueType.INTEGER: as_integer,
    ValueType.NUMBER: as_decimal,
    ValueType.TEXT: as_text,
    ValueType.FLAG: as_flag,
    ValueType.DATE: as_day,
}


def as_literal(
    node: YamlNode, type_: ValueType, what: str, currency: str, report: Report
) -> Literal | None:
    """A literal as evaluation wants it: money in minor units; None where it is none."""
    if type_ is not ValueType.MONEY:
        return _READERS[type_](node, what, report)
    amount = as_amount(node, what, currency, report)
    return None if amount is None else money_minor(amount, currency)


def as_amount(node: YamlNode, what: str, currency: str, report: Report) -> Decimal | None:
    """An amount in major units, no finer than the minor unit and at most 10^12."""
    amount = as_decimal(node, what, report)
    if amount is None or money_minor(amount, currency) is not None:
        return amount
    assert isinstance(node, Scalar)  # noqa: S101  as_decimal has read it
    message = f"{what} is {node.text}, which is no amount in {currency}"
    hint = f"at most 10^12, with at most {exponent(currency)} digits after the point"
    report.error("R309", node.place, message, hint)
    return None


def as_currency(scalar: Scalar | None, report: Report) -> str | None:
    """The code of a currency, of three capital letters."""
    if scalar is None or _CURRENCY.fullmatch(scalar.text):
        return None if scalar is None else scalar.text
    message = f"`{scalar.text}` is no currency"
    report.error("R123", scalar.place, message, "write an ISO 4217 code: PHP")
    return None
