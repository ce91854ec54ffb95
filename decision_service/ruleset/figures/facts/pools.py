"""Values that a name may be given in made-up facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import FactorSpec, FactorValue, ValueType
from decision_service.domain.money import Money, to_minor
from decision_service.domain.time import AsOf
from decision_service.language.expressions.tree import Literal
from decision_service.ruleset.figures.neighbours import next_to
from decision_service.ruleset.program.model import InputSpec

_PARTS = (Decimal("0.5"), Decimal("0.9"), Decimal("1.1"), Decimal(2), Decimal(5))
_SPREAD = 16


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values in their order, each once; they need not be hashable."""
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def possible_values(spec: FactorSpec | InputSpec, near: Iterable[str], currency: str) -> list[Any]:
    """Values of a type at the figures beside a name, and at its own ends."""
    if spec.type is ValueType.FLAG:
        return [True, False]
    if spec.type is ValueType.TEXT:
        return list(spec.labels)
    if spec.type is ValueType.DATE:
        return []
    ends = [bound for bound in (spec.lower, spec.upper) if bound is not None]
    numbers = {Decimal(end) for end in ends}
    for text in near:  # without its sign
        around = _around(text, spec.type)
        numbers |= around | {-number for number in around}
    numbers |= _between(ends, spec.type)
    inside = [n for n in sorted(numbers) if _within(n, spec)]
    return [_typed(n, spec.type, currency) for n in inside]


def _between(ends: Sequence[Decimal], type_: ValueType) -> set[Decimal]:
    """Values spread evenly between two ends."""
    if len(ends) != 2:
        return set()
    low, high = ends
    spread = {low + (high - low) * n / _SPREAD for n in range(_SPREAD)}
    return {n.to_integral_value() for n in spread} if type_ is ValueType.INTEGER else spread


def _around(text: str, type_: ValueType) -> set[Decimal]:
    step = Decimal(1) if type_ is ValueType.INTEGER else Decimal("0.01")
    moved = {Decimal(text), *(Decimal(after) for after in next_to(text))}
    wide = {Decimal(text) * part for part in _PARTS}
    return {n + shift for n in moved for shift in (-step, Decimal(0), step)} | wide


def _within(number: Decimal, spec: FactorSpec | InputSpec) -> bool:
    low, high = spec.lower, spec.upper
    return (low is None or number >= low) and (high is None or number <= high)


def _typed(number: Decimal, type_: ValueType, currency: str) -> Literal | Money:
    if type_ is ValueType.INTEGER:
        return int(number)
    if type_ is ValueType.MONEY:
        return Money(currency, to_minor(number.quantize(Decimal("0.01")), currency))
    return number


def shown_value(value: Any) -> str:
    """A value as a case is written."""
    if isinstance(value, FactorValue):
        return (
            shown_value(value.value) if not value.missing else f"missing {value.missing[0].cause}"
        )
    if value is None:
        return "not sent"
    if isinstance(value, AsOf):
        return value.date.isoformat()
    if isinstance(value, ListAnswer):
        return "listed" if value.listed else "not listed"
    if isinstance(value, bool):
        return str(value).lower()
    return _major(value) if isinstance(value, Money) else str(value)


def _major(amount: Money) -> str:
    """An amount with its decimals only where there are any."""
    whole = amount.major.to_integral_value()
    return f"{whole if whole == amount.major else amount.major:f}"
