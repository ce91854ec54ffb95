"""Which values an expression can have, by the declared bounds of the names in it.

A range is a span for ordered types, or a set of labels (None: any label). Ranges are generous: what
they exclude cannot be, what they include need not be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from decision_service.domain.factor import ValueType
from decision_service.domain.money import exponent
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.language.types import Symbol
from decision_service.ruleset.analysis.curves import (
    span_of_exponential,
    span_of_logarithm,
    span_of_power,
)
from decision_service.ruleset.analysis.regions import EVERYTHING, ValueRange, hull

_CURVES: Mapping[str, Callable[..., ValueRange]] = {
    "exp": span_of_exponential,
    "ln": span_of_logarithm,
    "power": span_of_power,
}

SlotRanges = Mapping[int, ValueRange]


def whole(symbol: Symbol, currency: str) -> ValueRange:
    """All values an ordered name can have, in run-time units."""
    if symbol.type is ValueType.DATE:
        return EVERYTHING
    scale = exponent(currency) if symbol.type is ValueType.MONEY else 0
    low, high = (_scaled(b, scale) for b in (symbol.lower, symbol.upper))
    return ValueRange(low, high)


def _scaled(bound: Decimal | None, digits: int) -> Decimal | None:
    return None if bound is None else Decimal(bound).scaleb(digits)


def labels_of(symbol: Symbol) -> tuple[Any, ...]:
    """Every value a text or flag can have; empty where that is not declared."""
    return (True, False) if symbol.type is ValueType.FLAG else symbol.labels


def written_labels(symbol: Symbol) -> tuple[str, ...]:
    """The same as they stand in a rule file: a flag is `true` or `false`."""
    return tuple(str(x).lower() if isinstance(x, bool) else str(x) for x in labels_of(symbol))


def span_of(node: Node, known: SlotRanges, currency: str) -> ValueRange:
    """The span of an ordered expression; `known` narrows names by slot."""
    with exactly():
        try:
            return _Spans(known, currency).of(node)
        except ArithmeticError:
            return EVERYTHING


class _Spans:
    def __init__(self, known: SlotRanges, currency: str) -> None:
        self.known, self.currency = known, currency

    def of(self, node: Node) -> ValueRange:
        match node:
            case tree.Constant():
                return ValueRange(node.value, node.value)
            case tree.NameRead():
                found = self.known.get(node.symbol.slot)
                return whole(node.symbol, self.currency) if found is None else found
            case tree.Negative():
                return _negative(self.of(node.operand))
            case tree.Arithmetic():
                return self._arithmetic(node)
            case tree.Choice():
                return hull([self.of(node.then), self.of(node.otherwise)])
            case tree.FunctionCall():
                return self._call(node)
        return EVERYTHING

    def _arithmetic(self, node: tree.Arithmetic) -> ValueRange:
        left, right = self.of(node.left), self.of(node.right)
        if node.operator == "+":
            return _sum(left, right)
        if node.operator == "-":
            return _sum(left, _negative(right))
        return _product(left, right) if node.operator == "*" else _quotient(left, right)

    def _call(self, node: tree.FunctionCall) -> ValueRange:
        spans = [self.of(a) for a in node.arguments]
        if node.function == "coalesce":
            return hull(spans)
        if node.function == "abs":
            low = spans[0].low
            return spans[0] if low is not None and low >= 0 else ValueRange(0, None)
        if node.function in ("min", "max"):
            return _extreme(spans, largest=node.function == "max")
        curve = _CURVES.get(node.function)
        return curve(*spans) if curve else EVERYTHING


def _negative(span: ValueRange) -> ValueRange:
    low = None if span.high is None else -span.high
    high = None if span.low is None else -span.low
    return ValueRange(low, high, span.open_high, span.open_low)


def _sum(left: ValueRange, right: ValueRange) -> ValueRange:
    low = None if left.low is None or right.low is None else left.low + right.low
    high = None if left.high is None or right.high is None else left.high + right.high
    return ValueRange(low, high)


def _product(left: ValueRange, right: ValueRange) -> ValueRange:
    ends = (left.low, left.high, right.low, right.high)
    if None not in ends:
        products = [Decimal(a) * b for a in ends[:2] for b in ends[2:]]
        return ValueRange(min(products), max(products))
    if all(low is not None and low >= 0 for low in (left.low, right.low)):
        return ValueRange(Decimal(left.low) * right.low, None)
    return EVERYTHING


def _quotient(left: ValueRange, right: ValueRange) -> ValueRange:
    """The span of a division by what is above zero; any other divisor leaves everything open."""
    if right.low is None or right.low <= 0:
        return EVERYTHING
    return ValueRange(_shared_out(left.low, right, min), _shared_out(left.high, right, max))


def _shared_out(
    end: Decimal | None, by: ValueRange, extreme: Callable[..., Decimal]
) -> Decimal | None:
    """One end of a quotient; a divisor without an upper end brings it down to zero."""
    if end is None:
        return None
    least = Decimal(0) if by.high is None else Decimal(end) / by.high
    return extreme(least, Decimal(end) / Decimal(by.low))


def _extreme(spans: list[ValueRange], *, largest: bool) -> ValueRange:
    lows = [s.low for s in spans if s.low is not None]
    highs = [s.high for s in spans if s.high is not None]
    if largest:
        high = max(highs) if len(highs) == len(spans) else None
        return ValueRange(max(lows, default=None), high)
    low = min(lows) if len(lows) == len(spans) else None
    return ValueRange(low, min(highs, default=None))
