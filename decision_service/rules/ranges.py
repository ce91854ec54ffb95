"""Which values names and expressions can have, as spans and labels, by the declared bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cmp_to_key
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import ValueType
from decision_service.domain.values import exponent
from decision_service.rules.language import types as tree
from decision_service.rules.language import values as arithmetic
from decision_service.rules.language.types import Node, Symbol
from decision_service.rules.language.values import exactly

_STEPPED = frozenset({ValueType.INTEGER, ValueType.MONEY, ValueType.DATE})


class ValueRange(msgspec.Struct, frozen=True):
    """Values from `low` to `high`; None is without end; `open_low` and `open_high` exclude them."""

    low: Any = None
    high: Any = None
    open_low: bool = False
    open_high: bool = False

    @property
    def empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return bool(
            self.low > self.high or (self.low == self.high and (self.open_low or self.open_high))
        )

    def has(self, value: Any) -> bool:
        above = self.low is None or value > self.low or (value == self.low and not self.open_low)
        below = (
            self.high is None or value < self.high or (value == self.high and not self.open_high)
        )
        return bool(above and below)


EVERYTHING = ValueRange()
SlotRanges = Mapping[int, ValueRange]

_NOTHING = Decimal(0)


def stepped(span: ValueRange, type_: ValueType) -> ValueRange:
    """The span with closed ends where the type's values are a step apart."""
    if type_ not in _STEPPED:
        return span
    return ValueRange(_first(span, type_), _last(span, type_))


def _first(span: ValueRange, type_: ValueType) -> Any:
    low = span.low
    if low is None or type_ is ValueType.DATE:
        return low + timedelta(days=1) if low is not None and span.open_low else low
    whole = int(Decimal(low).to_integral_value(ROUND_CEILING))
    return whole + 1 if span.open_low and whole == low else whole


def _last(span: ValueRange, type_: ValueType) -> Any:
    high = span.high
    if high is None or type_ is ValueType.DATE:
        return high - timedelta(days=1) if high is not None and span.open_high else high
    whole = int(Decimal(high).to_integral_value(ROUND_FLOOR))
    return whole - 1 if span.open_high and whole == high else whole


def meet(left: ValueRange, right: ValueRange) -> ValueRange:
    low = left if compare_lows(left, right) >= 0 else right
    high = _sooner(left, right)
    return ValueRange(low.low, high.high, low.open_low, high.open_high)


def _sooner(left: ValueRange, right: ValueRange) -> ValueRange:
    if left.high is None or right.high is None:
        return right if left.high is None else left
    if left.high == right.high:
        return left if left.open_high else right
    return left if left.high < right.high else right


def compare_lows(left: ValueRange, right: ValueRange) -> int:
    """Below zero where the left span begins first, above where the right one does."""
    if left.low is None or right.low is None:
        return (left.low is not None) - (right.low is not None)
    if left.low == right.low:
        return left.open_low - right.open_low
    return 1 if left.low > right.low else -1


def hull(spans: Sequence[ValueRange]) -> ValueRange:
    """The smallest span around all of them, ends included."""
    lows, highs = [s.low for s in spans], [s.high for s in spans]
    return ValueRange(None if None in lows else min(lows), None if None in highs else max(highs))


def gaps(whole: ValueRange, spans: Sequence[ValueRange], type_: ValueType) -> list[ValueRange]:
    found: list[ValueRange] = []
    rest = stepped(whole, type_)
    for span in sorted([stepped(s, type_) for s in spans], key=cmp_to_key(compare_lows)):
        before = stepped(replace(rest, high=span.low, open_high=not span.open_low), type_)
        if span.low is not None and not meet(rest, before).empty:
            found.append(stepped(meet(rest, before), type_))
        if span.high is None:
            return found
        after = ValueRange(span.high, None, open_low=not span.open_high)
        rest = stepped(meet(rest, after), type_)
        if rest.empty:
            return found
    return [*found, rest]


def overlap(left: ValueRange, right: ValueRange, type_: ValueType) -> ValueRange | None:
    shared = stepped(meet(left, right), type_)
    return None if shared.empty else shared


def span_of_exponential(of: ValueRange) -> ValueRange:
    """Above zero, and rising with its argument; without an upper end where that overflows."""
    low = _value(arithmetic.exponential, of.low)
    return ValueRange(_NOTHING if low is None else low, _value(arithmetic.exponential, of.high))


def span_of_logarithm(of: ValueRange) -> ValueRange:
    """Rising with its argument; the argument is above zero wherever there is a value."""
    return ValueRange(_value(arithmetic.logarithm, of.low), _value(arithmetic.logarithm, of.high))


def _value(function: Callable[..., Decimal], *arguments: Decimal | None) -> Decimal | None:
    """A function's value at an end; None where there is no end or no value."""
    given = [argument for argument in arguments if argument is not None]
    try:
        return function(*given) if len(given) == len(arguments) else None
    except ArithmeticError:
        return None


_CURVES: Mapping[str, Callable[..., ValueRange]] = {
    "exp": span_of_exponential,
    "ln": span_of_logarithm,
}


def whole(symbol: Symbol, currency: str) -> ValueRange:
    """All values an ordered name can have, in run-time units."""
    if symbol.type is ValueType.DATE:
        return EVERYTHING
    scale = exponent(currency) if symbol.type is ValueType.MONEY else 0
    bounds = (symbol.lower, symbol.upper)
    low, high = (None if bound is None else Decimal(bound).scaleb(scale) for bound in bounds)
    return ValueRange(low, high)


def labels_of(symbol: Symbol) -> tuple[Any, ...]:
    """Every value a text or flag can have; empty where that is not declared."""
    return (True, False) if symbol.type is ValueType.FLAG else symbol.labels


def written_labels(symbol: Symbol) -> tuple[str, ...]:
    """The same as a rule file has them: a flag is `true` or `false`."""
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
