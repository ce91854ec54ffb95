"""Puts factor values and inputs into their slots, missing ones with their cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache, partial
from typing import Any

import msgspec

from decision_service.domain.factor import FactorValue, Value, ValueType
from decision_service.domain.missing import Cause, Missing, shown_first
from decision_service.domain.money import Money
from decision_service.language.generated import Page
from decision_service.language.threevalued import Gap, Unknown, unknown
from decision_service.language.types import Symbol
from decision_service.language.values import to_runtime

# What a present value must satisfy to be taken as it is; anything else is looked at with care.
_TESTS = {
    ValueType.INTEGER: "x.__class__ is int",
    ValueType.NUMBER: "x.__class__ is Decimal and x.is_finite()",
    ValueType.MONEY: "x.__class__ is Money and x.currency == {currency}",
    ValueType.TEXT: "x.__class__ is str",
    ValueType.FLAG: "x.__class__ is bool",
    ValueType.DATE: "x.__class__ is date",
}
WORDS: Mapping[str, Any] = {
    "Money": Money,
    "bool": bool,
    "date": date,
    "int": int,
    "str": str,
}


class Intake(msgspec.Struct, frozen=True):
    """Where factors and inputs (by name, without their prefix) go."""

    currency: str
    factors: tuple[Symbol, ...]
    inputs: tuple[tuple[str, Symbol], ...]

    @property
    def slots(self) -> tuple[int, ...]:
        """All that it fills."""
        return tuple(s.slot for s in (*self.factors, *(symbol for _, symbol in self.inputs)))

    def load(
        self, factors: Mapping[str, FactorValue], inputs: Mapping[str, Value]
    ) -> Iterator[tuple[int, Any]]:
        """Each slot with its value; a factor that nobody computed counts as not fetched."""
        for symbol in self.factors:
            yield symbol.slot, _factor(symbol, self.currency, factors.get(symbol.name))
        for name, symbol in self.inputs:
            yield symbol.slot, _input(symbol, self.currency, inputs.get(name))

    def write_factors(self, page: Page) -> None:
        """Write the same for factors: lines that set `v1` and so on from `f`, and add to `gone`."""
        currency = page.bind(self.currency)
        for symbol in self.factors:
            page.attempt([f"x = f[{page.bind(symbol.name)}].value"], ["x = None"])
            careful = f"{page.bind(partial(_factor_into, symbol, self.currency))}(f, gone)"
            _write_test(symbol, currency, page)
            _write_careful(symbol, careful, page)

    def write_inputs(self, page: Page) -> None:
        """Write the same for inputs, from `i`; one that was not sent is the same every time."""
        currency = page.bind(self.currency)
        if self.inputs:
            page.line("get = i.get")
        for name, symbol in self.inputs:
            page.line(f"x = get({page.bind(name)})")
            careful = f"{page.bind(partial(_input_into, symbol, self.currency))}(x, gone)"
            _write_test(symbol, currency, page)
            page.line("elif x is None:")
            page.line(f"v{symbol.slot} = {page.bind(_not_sent(symbol.name))}", 1)
            page.line(f"gone.add({symbol.slot})", 1)
            _write_careful(symbol, careful, page)


def _write_test(symbol: Symbol, currency: str, page: Page) -> None:
    value = "x.minor" if symbol.type is ValueType.MONEY else "x"
    page.line(f"if {_TESTS[symbol.type].format(currency=currency)}:")
    page.line(f"v{symbol.slot} = {value}", 1)


def _write_careful(symbol: Symbol, careful: str, page: Page) -> None:
    page.line("else:")
    page.line(f"v{symbol.slot} = {careful}", 1)


def _factor_into(
    symbol: Symbol, currency: str, factors: Mapping[str, FactorValue], gone: set[int]
) -> Any:
    value = _factor(symbol, currency, factors.get(symbol.name))
    return _noted(symbol, value, gone)


def _input_into(symbol: Symbol, currency: str, value: Value | None, gone: set[int]) -> Any:
    return _noted(symbol, _input(symbol, currency, value), gone)


def _noted(symbol: Symbol, value: Any, gone: set[int]) -> Any:
    if value.__class__ is Unknown:
        gone.add(symbol.slot)
    return value


def _factor(symbol: Symbol, currency: str, found: FactorValue | None) -> Any:
    if found is None:
        return unknown(symbol.name, Cause.NOT_FETCHED)
    if found.value is None:
        causes = found.missing or (Missing(Cause.NOT_FETCHED),)
        return Unknown([Gap(symbol.name, shown_first(causes))])
    return to_runtime(symbol.name, found.value, symbol.type, currency)


def _input(symbol: Symbol, currency: str, value: Value | None) -> Any:
    if value is None:
        return _not_sent(symbol.name)
    return to_runtime(symbol.name, value, symbol.type, currency)


@lru_cache(1024)
def _not_sent(name: str) -> Unknown:
    """The same for every application that lacks the input, which is most where it is optional."""
    return unknown(name, Cause.NOT_SENT)
