"""Conversion of bare literals to their neighbours' type, and of expressions to the expected one."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.domain.factor import ValueType
from decision_service.language.diagnostics import Report
from decision_service.language.expressions.literals import to_date, to_money
from decision_service.language.expressions.tree import Node
from decision_service.language.types import DATE, INTEGER, MONEY, NUMBER, phrase

_CONVERSIONS = {MONEY: to_money, DATE: to_date}
_DIVIDED = "divide it by an amount, such as a parameter of type money: `x / params.smallest_income`"


def fit_together(nodes: Sequence[Node | None], currency: str, report: Report) -> list[Node | None]:
    """The nodes with bare literals as money or dates where one of the others is; None stays None.

    A literal that cannot be converted is reported and None.
    """
    types = {node.type for node in nodes if node is not None}
    for wanted in _CONVERSIONS:
        if wanted in types:
            return [fit(node, wanted, currency, report) for node in nodes]
    return list(nodes)


def fit(node: Node | None, wanted: ValueType, currency: str, report: Report) -> Node | None:
    """The node with bare literals as the wanted type; other types stay."""
    convert = _CONVERSIONS.get(wanted)
    return node if convert is None or node is None else convert(node, currency, report)


def expect(node: Node, expected: ValueType, currency: str, report: Report) -> Node | None:
    """The node as the expected type; reported where it cannot be. An integer is a number too."""
    fitted = fit(node, expected, currency, report)
    if fitted is None:
        return None
    if fitted.type is expected or (expected is NUMBER and fitted.type is INTEGER):
        return fitted
    message = f"`{node.text}` is {phrase(node.type)}; {phrase(expected)} is needed here"
    money = node.type is MONEY and expected is NUMBER
    report.error("R305", node.place, message, _DIVIDED if money else "")
    return None
