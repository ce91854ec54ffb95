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
from decision_service.rules.language.types import ORDERED, Node, Symbol
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
    # (3, 6) of whole numbers is [4, 5]: what lies between two numbers is no gap and no overlap.
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
    return ValueRange(low.low, high.high, low.open_low, open_high=high.open_high)


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
    lows = [s.low for s in spans]
    highs = [s.high for s in spans]
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
    low = None if symbol.lower is None else Decimal(symbol.lower).scaleb(scale)
    high = None if symbol.upper is None else Decimal(symbol.upper).scaleb(scale)
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
            # The bounds themselves overflow: then nothing is known.
            return EVERYTHING


class _Spans:
    def __init__(self, known: SlotRanges, currency: str) -> None:
        self.known = known
        self.currency = currency

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
        left = self.of(node.left)
        right = self.of(node.right)
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
    return ValueRange(low, high, span.open_high, open_high=span.open_low)


def _sum(left: ValueRange, right: ValueRange) -> ValueRange:
    # The ends are included even where they cannot be reached: too wide a span finds no false fault.
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


_MOST_BRANCHES = 300

Claim = tuple[Node, bool]
"""A condition and the truth it is claimed to have."""


def can_hold(claims: Sequence[Claim], currency: str) -> bool:
    return _Search(currency).open(list(claims), _World())


class _World(msgspec.Struct):
    """What the claims so far leave open: spans and labels by slot, and flags taken as given."""

    spans: dict[int, ValueRange] = msgspec.field(default_factory=dict)
    labels: dict[int, frozenset[Any]] = msgspec.field(default_factory=dict)
    taken: dict[Node, bool] = msgspec.field(default_factory=dict)

    def copy(self) -> _World:
        return _World(dict(self.spans), dict(self.labels), dict(self.taken))


class _Search(msgspec.Struct):
    currency: str
    branches: int = 0

    def open(self, claims: list[Claim], world: _World) -> bool:
        claims = list(claims)
        while claims:
            node, truth = claims.pop(0)
            if isinstance(node, tree.Not):
                claims.insert(0, (node.operand, not truth))
            elif isinstance(node, tree.All | tree.Any):
                # A true `and` and a false `or` claim each operand; of the others any one is enough.
                if isinstance(node, tree.Any) is not truth:
                    claims[:0] = [(o, truth) for o in node.operands]
                    continue
                return self._any([(o, truth) for o in node.operands], claims, world)
            elif not self._take(node, truth, world):
                return False
        return True

    def _any(self, choices: Sequence[Claim], rest: list[Claim], world: _World) -> bool:
        self.branches += len(choices)
        if self.branches > _MOST_BRANCHES:
            # What cannot be searched through counts as possible: a check reports what is certain.
            return True
        return any(self.open([choice, *rest], world.copy()) for choice in choices)

    def _take(self, node: Node, truth: bool, world: _World) -> bool:  # noqa: FBT001  a truth is no switch
        if isinstance(node, tree.Constant):
            return node.value is truth
        # Equal conditions have one truth, also those of which no span is known.
        if world.taken.setdefault(node, truth) is not truth:
            return False
        if isinstance(node, tree.Compare):
            operator = node.operator if truth else tree.CONTRARY[node.operator]
            return self._compare(operator, node.left, node.right, world=world)
        if isinstance(node, tree.Within):
            return self._within(node, node.negated is not truth, world)
        if isinstance(node, tree.NameRead):
            return _narrow_labels(node.symbol, frozenset({truth}), world, keep=True)
        return True

    def _compare(self, operator: str, left: Node, right: Node, world: _World) -> bool:
        if left.type not in ORDERED:
            return self._labels(operator, left, right, world=world)
        first = self._span(left, world)
        second = self._span(right, world)
        if not _possible(operator, first, second):
            return False
        return self._narrow(left, operator, second, world=world) and self._narrow(
            right, tree.MIRRORED[operator], first, world=world
        )

    def _span(self, node: Node, world: _World) -> ValueRange:
        return span_of(node, world.spans, self.currency)

    def _narrow(self, node: Node, operator: str, other: ValueRange, world: _World) -> bool:
        # Of a sum nothing follows for its parts.
        if not isinstance(node, tree.NameRead):
            return True
        allowed = _allowed(operator, other)
        before = world.spans.get(node.symbol.slot) or whole(node.symbol, self.currency)
        after = stepped(meet(before, allowed), node.type)
        world.spans[node.symbol.slot] = after
        return not after.empty

    def _labels(self, operator: str, left: Node, right: Node, world: _World) -> bool:
        if isinstance(left, tree.Constant):
            left, right = right, left
        if not (isinstance(left, tree.NameRead) and isinstance(right, tree.Constant)):
            return True
        return _narrow_labels(left.symbol, frozenset({right.value}), world, keep=operator == "==")

    def _within(self, node: tree.Within, inside: bool, world: _World) -> bool:  # noqa: FBT001  a truth is no switch
        operand = node.operand
        if operand.type not in ORDERED:
            if not isinstance(operand, tree.NameRead):
                return True
            return _narrow_labels(operand.symbol, frozenset(node.options), world, keep=inside)
        if not inside:
            return True
        span = self._span(operand, world)
        options = [ValueRange(o, o) for o in node.options if span.has(o)]
        return bool(options) and self._narrow(operand, "==", hull(options), world=world)


def _narrow_labels(symbol: Symbol, labels: frozenset[Any], world: _World, *, keep: bool) -> bool:
    everything = frozenset(labels_of(symbol))
    before = world.labels.get(symbol.slot, everything)
    if not before and not everything:
        # Where labels are not declared there is always another one.
        if not keep:
            return True
        after = labels
    else:
        after = before & labels if keep else before - labels
    world.labels[symbol.slot] = after
    return bool(after)


def _possible(operator: str, left: ValueRange, right: ValueRange) -> bool:
    if operator in (">", ">="):
        operator = tree.MIRRORED[operator]
        left, right = right, left
    if operator == "==":
        return not meet(left, right).empty
    if operator == "!=":
        return not (left == right and left.low is not None and left.low == left.high)
    if left.low is None or right.high is None or left.low < right.high:
        return True
    touching = left.low == right.high and not left.open_low and not right.open_high
    return bool(touching and operator == "<=")


def _allowed(operator: str, other: ValueRange) -> ValueRange:
    if operator == "==":
        return other
    if operator in ("<", "<="):
        return ValueRange(None, other.high, open_high=operator == "<" or other.open_high)
    if operator in (">", ">="):
        return ValueRange(other.low, None, open_low=operator == ">" or other.open_low)
    return ValueRange()
