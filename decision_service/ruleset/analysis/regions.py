"""Sets of values as spans and labels: what a cell covers, where bins overlap or leave a gap.

Bounds are run-time values (money in minor units, dates as dates). Spans of integral types are
brought to closed ends, so that `[0, 6)` and `[0, 5]` are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cmp_to_key
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import ValueType

_STEPPED = frozenset({ValueType.INTEGER, ValueType.MONEY, ValueType.DATE})


class ValueRange(msgspec.Struct, frozen=True):
    """Values from `low` to `high`; None is without end; `open_low` and `open_high` exclude them."""

    low: Any = None
    high: Any = None
    open_low: bool = False
    open_high: bool = False

    @property
    def empty(self) -> bool:
        """Whether no value lies in it."""
        if self.low is None or self.high is None:
            return False
        return bool(
            self.low > self.high or (self.low == self.high and (self.open_low or self.open_high))
        )

    def has(self, value: Any) -> bool:
        """Whether a value lies in it."""
        above = self.low is None or value > self.low or (value == self.low and not self.open_low)
        below = (
            self.high is None or value < self.high or (value == self.high and not self.open_high)
        )
        return bool(above and below)


EVERYTHING = ValueRange()


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
    """The values that lie in both."""
    low = _later(left, right)
    high = _sooner(left, right)
    return ValueRange(low.low, high.high, low.open_low, high.open_high)


def _later(left: ValueRange, right: ValueRange) -> ValueRange:
    return left if compare_lows(left, right) >= 0 else right


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


def in_order(spans: Sequence[ValueRange]) -> list[ValueRange]:
    """The spans by where they begin."""
    return sorted(spans, key=cmp_to_key(compare_lows))


def gaps(whole: ValueRange, spans: Sequence[ValueRange], type_: ValueType) -> list[ValueRange]:
    """The parts of a whole that no span covers, in order."""
    found: list[ValueRange] = []
    rest = stepped(whole, type_)
    for span in in_order([stepped(s, type_) for s in spans]):
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
    """The values that two spans share; None where there are none."""
    shared = stepped(meet(left, right), type_)
    return None if shared.empty else shared
