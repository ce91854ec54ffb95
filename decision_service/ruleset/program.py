"""A compiled ruleset as it runs: where values come from, and the parts in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from decision_service.domain.factor import FactorValue, Value, ValueType
from decision_service.domain.missing import Cause, Missing, shown_first
from decision_service.domain.verdict import Component
from decision_service.language.generated import Definitions
from decision_service.language.threevalued import Gap, Unknown, unknown
from decision_service.language.types import Symbol
from decision_service.language.values import to_runtime
from decision_service.ruleset.part import Runner
from decision_service.ruleset.wording import Wording

_CLASSES: dict[ValueType, type] = {
    ValueType.INTEGER: int,
    ValueType.NUMBER: Decimal,
    ValueType.TEXT: str,
    ValueType.FLAG: bool,
    ValueType.DATE: date,
}


@dataclass(frozen=True, slots=True)
class Period:
    """The parameters' values from a day on (None: from ever), laid out by slot.

    `gone` are the slots of parameters that have no value yet; `ends` is the next day on which a
    used parameter changes.
    """

    start: date | None
    values: tuple[Any, ...]
    gone: frozenset[int]
    ends: date | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """All parameters over time: `periods[i + 1]` begins on `starts[i]`."""

    starts: tuple[date, ...]
    periods: tuple[Period, ...]

    def at(self, day: date) -> Period:
        """The period that a day lies in."""
        return self.periods[bisect_right(self.starts, day)]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, or a part that follows the stages, with what runs it."""

    name: str
    component: Component
    runner: Runner


@dataclass(frozen=True, slots=True)
class Intake:
    """Puts factor values and inputs into their slots."""

    currency: str
    factors: tuple[Symbol, ...]
    inputs: tuple[Symbol, ...]

    def load(
        self,
        factors: Mapping[str, FactorValue],
        inputs: Mapping[str, Value],
        values: list[Any],
        gone: set[int],
    ) -> None:
        """Fill the slots; a factor that nobody computed counts as not fetched."""
        for symbol in self.factors:
            self._put(
                symbol, _factor(symbol, factors.get(symbol.name), self.currency), values, gone
            )
        for symbol in self.inputs:
            value = inputs.get(symbol.name[len("inputs.") :])
            self._put(symbol, _input(symbol, value, self.currency), values, gone)

    def _put(self, symbol: Symbol, value: Any, values: list[Any], gone: set[int]) -> None:
        values[symbol.slot] = value
        if value.__class__ is Unknown:
            gone.add(symbol.slot)


def _factor(symbol: Symbol, found: FactorValue | None, currency: str) -> Any:
    if found is None:
        return unknown(symbol.name, Cause.NOT_FETCHED)
    value = found.value
    if value is None:
        causes = found.missing or (Missing(Cause.NOT_FETCHED),)
        return Unknown([Gap(symbol.name, shown_first(causes))])
    if value.__class__ is _CLASSES.get(symbol.type) and value.__class__ is not Decimal:
        return value
    return to_runtime(symbol.name, value, symbol.type, currency)


def _input(symbol: Symbol, value: Value | None, currency: str) -> Any:
    if value is None:
        return unknown(symbol.name, Cause.NOT_SENT)
    return to_runtime(symbol.name, value, symbol.type, currency)


@dataclass(frozen=True, slots=True)
class Program:
    """Everything `evaluate` runs, in order: intake, derived, stages, closing parts."""

    size: int
    timeline: Timeline
    intake: Intake
    derived: Definitions
    stages: tuple[Stage, ...]
    closing: tuple[Stage, ...]
    wording: Wording
