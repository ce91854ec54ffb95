"""Binding inputs where all that was sent is plainly right, which it nearly always is.

Whatever is not plain (an error, a number that has to be converted, a bound with decimals) is left
to `bind_inputs`, which says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Any

import msgspec

from decision_service.domain.factor import Value, ValueType
from decision_service.domain.money import LARGEST_AMOUNT, Money, exponent
from decision_service.ruleset.inputs import LONGEST_TEXT, MOST_WHOLE, ON_THE_REQUEST
from decision_service.ruleset.model import CompiledRuleset, InputSpec

_CLASSES: Mapping[ValueType, type] = {
    ValueType.INTEGER: int,
    ValueType.MONEY: Money,
    ValueType.TEXT: str,
    ValueType.FLAG: bool,
    ValueType.DATE: date,
}


class _Plain(msgspec.Struct, frozen=True):
    """One input: the class of its values, and the whole numbers that they lie between."""

    name: str
    kind: type
    required: bool
    lowest: int
    highest: int
    labels: frozenset[str]


class PlainInputs:
    """What one ruleset takes of the inputs that are sent, prepared once.

    `also_known` names what other versions declare, as with `bind_inputs`.
    """

    __slots__ = ("_currency", "_known", "_plain")

    def __init__(self, ruleset: CompiledRuleset, also_known: frozenset[str]) -> None:
        self._currency = ruleset.currency
        self._known = frozenset({*also_known, *ON_THE_REQUEST, *ruleset.inputs})
        self._plain = [_plain(spec, ruleset) for spec in ruleset.inputs.values()]

    def bound(self, sent: Mapping[str, Value]) -> dict[str, Value] | None:
        """The inputs as `bind_inputs` gives them; None where they are not plain."""
        if not sent.keys() <= self._known:
            return None
        bound: dict[str, Value] = {}
        for plain in self._plain:
            value = sent.get(plain.name)
            if value is not None:
                if not self._is_right(plain, value):
                    return None
                bound[plain.name] = value
            elif plain.required:
                return None
        return bound

    def _is_right(self, plain: _Plain, value: Any) -> bool:
        kind: object = value.__class__
        if kind is not plain.kind:
            return False
        if kind is Money:
            return _within(plain, value.minor) and bool(value.currency == self._currency)
        if kind is int:
            return _within(plain, value)
        return kind is not str or _is_text(plain, value)


def _within(plain: _Plain, number: int) -> bool:
    return plain.lowest <= number <= plain.highest


def _is_text(plain: _Plain, text: str) -> bool:
    return len(text) <= LONGEST_TEXT and (not plain.labels or text in plain.labels)


def _plain(spec: InputSpec, ruleset: CompiledRuleset) -> _Plain:
    low = -LARGEST_AMOUNT if spec.lower is None else spec.lower
    high = LARGEST_AMOUNT if spec.upper is None else spec.upper
    scale = 10 ** exponent(ruleset.currency) if spec.type is ValueType.MONEY else 1
    return _Plain(
        spec.name,
        _CLASSES.get(spec.type, _Never),
        spec.required,
        max(ceil(Fraction(low) * scale), 1 - MOST_WHOLE),
        min(floor(Fraction(high) * scale), MOST_WHOLE - 1),
        frozenset(spec.labels),
    )


class _Never:
    """The class of no value: numbers are converted and looked at, whatever is sent of them."""
