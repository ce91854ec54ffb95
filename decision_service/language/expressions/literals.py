"""Literals converted to the type of their neighbours: numbers to money, text to a date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from decision_service.domain.money import exponent
from decision_service.language.diagnostics import Report
from decision_service.language.expressions.tree import (
    Choice,
    Constant,
    FunctionCall,
    Negative,
    Node,
)
from decision_service.language.types import DATE, MONEY, NUMERIC, TEXT
from decision_service.language.yaml.days import day_hint
from decision_service.language.yaml.readers import parse_day

LARGEST_MONEY = Decimal(10) ** 12
_SAME_TYPE = frozenset({"min", "max", "abs", "round", "floor", "coalesce"})


def to_money(node: Node, currency: str, report: Report) -> Node | None:
    """Bare numbers as money in minor units; other nodes stay, a number too fine is refused.

    An expression whose value is one of several bare numbers (`5000 if … else 500`) counts as one.
    """
    if node.type not in NUMERIC or not _is_bare(node):
        return node
    if isinstance(node, Constant):
        return _constant_to_money(node, currency, report)
    found = [to_money(part, currency, report) for part in _values(node)]
    parts = [part for part in found if part is not None]
    return _rebuilt(node, parts) if len(parts) == len(found) else None


def _values(node: Node) -> tuple[Node, ...]:
    """The parts that a value can come from unchanged."""
    match node:
        case Choice():
            return (node.then, node.otherwise)
        case Negative():
            return (node.operand,)
        case FunctionCall() if node.function in _SAME_TYPE:
            return node.arguments
    return ()


def _is_bare(node: Node) -> bool:
    if isinstance(node, Constant):
        return True
    parts = _values(node)
    return bool(parts) and all(map(_is_bare, parts))


def _rebuilt(node: Node, parts: Sequence[Node]) -> Node:
    match node:
        case Choice():
            return replace(node, type=MONEY, then=parts[0], otherwise=parts[1])
        case Negative():
            return replace(node, type=MONEY, operand=parts[0])
        case FunctionCall():
            return replace(node, type=MONEY, arguments=tuple(parts))
    raise AssertionError(node)


def _constant_to_money(constant: Constant, currency: str, report: Report) -> Constant | None:
    if not isinstance(constant.value, int | Decimal):
        return constant
    minor = money_minor(Decimal(constant.value), currency)
    if minor is None:
        digits = exponent(currency)
        message = f"{constant.text} is no amount in {currency}"
        hint = f"at most 10^12, with at most {digits} digits after the point"
        report.error("R309", constant.place, message, hint)
        return None
    return replace(constant, type=MONEY, value=minor)


def money_minor(amount: Decimal, currency: str) -> int | None:
    """An exact amount in major units as minor units; None where it is too large or too fine."""
    if abs(amount) > LARGEST_MONEY:
        return None
    minor = amount.scaleb(exponent(currency))
    return int(minor) if minor == minor.to_integral_value() else None


def to_date(node: Node, _currency: str, report: Report) -> Node | None:
    """A quoted `yyyy-mm-dd` as a date; other nodes stay, another text is refused."""
    if not isinstance(node, Constant) or node.type is not TEXT:
        return node
    day = parse_day(str(node.value))
    if day is None:
        hint = day_hint(str(node.value))
        report.error("R310", node.place, f"{node.text} is no date", hint)
        return None
    return replace(node, type=DATE, value=day)
