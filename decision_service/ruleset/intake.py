"""Puts factor values and inputs into their slots, missing ones with their cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from decision_service.domain.factor import FactorValue, Value, ValueType
from decision_service.domain.missing import Cause, Missing, shown_first
from decision_service.domain.money import Money
from decision_service.language.threevalued import Gap, Unknown, unknown
from decision_service.language.types import Symbol
from decision_service.language.values import to_runtime

Quick = Callable[[Mapping[str, FactorValue], list[Any]], bool]

# What a present value must satisfy to be taken as it is; anything else is looked at with care.
_TESTS = {
    ValueType.INTEGER: "x.__class__ is not int",
    ValueType.NUMBER: "x.__class__ is not Decimal or not x.is_finite()",
    ValueType.MONEY: "x.__class__ is not Money or x.currency != currency",
    ValueType.TEXT: "x.__class__ is not str",
    ValueType.FLAG: "x.__class__ is not bool",
    ValueType.DATE: "x.__class__ is not date",
}


@dataclass(frozen=True, slots=True)
class Intake:
    """Fills the slots of one evaluation; `quick` answers False unless every factor is there."""

    currency: str
    factors: tuple[Symbol, ...]
    inputs: tuple[tuple[str, Symbol], ...]
    quick: Quick

    def load(
        self,
        factors: Mapping[str, FactorValue],
        inputs: Mapping[str, Value],
        values: list[Any],
        gone: set[int],
    ) -> None:
        """Fill the slots; a factor that nobody computed counts as not fetched."""
        if not self._all_there(factors, values):
            for symbol in self.factors:
                found = factors.get(symbol.name)
                _put(symbol, _factor(symbol, found, self.currency), values, gone)
        for name, symbol in self.inputs:
            _put(symbol, _input(symbol, inputs.get(name), self.currency), values, gone)

    def _all_there(self, factors: Mapping[str, FactorValue], values: list[Any]) -> bool:
        try:
            return self.quick(factors, values)
        except (KeyError, AttributeError, ArithmeticError):
            return False  # whatever it was, the careful way names it


def compile_intake(factors: Sequence[Symbol], inputs: Sequence[Symbol], currency: str) -> Intake:
    """The intake of a ruleset's names, factors as one generated function."""
    rows = "".join(_row(symbol) for symbol in factors)
    source = f"def quick(f, v):\n{rows}    return True\n"
    names: dict[str, Any] = {
        "__builtins__": {},
        "Decimal": Decimal,
        "Money": Money,
        "bool": bool,
        "currency": currency,
        "date": date,
        "int": int,
        "str": str,
    }
    exec(compile(source, "<intake>", "exec"), names)  # noqa: S102  of catalogue names and slots
    by_name = tuple((s.name.removeprefix("inputs."), s) for s in inputs)
    return Intake(currency, tuple(factors), by_name, names["quick"])


def _row(symbol: Symbol) -> str:
    value = "x.minor" if symbol.type is ValueType.MONEY else "x"
    return (
        f"    x = f[{symbol.name!r}].value\n"
        f"    if {_TESTS[symbol.type]}: return False\n"
        f"    v[{symbol.slot}] = {value}\n"
    )


def _put(symbol: Symbol, value: Any, values: list[Any], gone: set[int]) -> None:
    values[symbol.slot] = value
    if value.__class__ is Unknown:
        gone.add(symbol.slot)


def _factor(symbol: Symbol, found: FactorValue | None, currency: str) -> Any:
    if found is None:
        return unknown(symbol.name, Cause.NOT_FETCHED)
    if found.value is None:
        causes = found.missing or (Missing(Cause.NOT_FETCHED),)
        return Unknown([Gap(symbol.name, shown_first(causes))])
    return to_runtime(symbol.name, found.value, symbol.type, currency)


def _input(symbol: Symbol, value: Value | None, currency: str) -> Any:
    if value is None:
        return unknown(symbol.name, Cause.NOT_SENT)
    return to_runtime(symbol.name, value, symbol.type, currency)
