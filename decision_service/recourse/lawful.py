"""Whether values of factors agree with the laws between factors, and what follows from others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from decision_service.domain.factor import FactorValue, ValueType
from decision_service.factors.laws import DEFINITIONS, LAWS
from decision_service.factors.registry import catalogue
from decision_service.language.evaluation.formula import Formula, parse_formula
from decision_service.language.evaluation.kleene import Unknown
from decision_service.language.evaluation.values import from_runtime, to_runtime
from decision_service.language.expressions.declared import DeclaredNames

Values = Mapping[str, FactorValue]


class FactorFormula(msgspec.Struct, frozen=True):
    """An expression on factors."""

    formula: Formula

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors that it reads."""
        return self.formula.names

    def of(self, values: Values) -> Any:
        """Its value; None where one of its factors has none, or it has no result."""
        names, currency = self.formula.names, self.formula.currency
        given = {name: _plain(values.get(name), currency) for name in names}
        if None in given.values():
            return None
        found = self.formula.result(given)
        return None if isinstance(found, Unknown) else found


@lru_cache(2048)
def formula(text: str, expected: ValueType, currency: str) -> FactorFormula:
    """An expression on factors; raises FormulaUnfit for one that is wrong."""
    names = DeclaredNames(currency, catalogue().values())
    return FactorFormula(parse_formula(text, names, expected, "the laws between factors"))


class Laws:
    """The laws and definitions between some factors."""

    def __init__(self, names: Iterable[str], currency: str) -> None:
        known = frozenset(names)
        self.currency = currency
        self._laws = [
            formula(law.expression, ValueType.FLAG, currency)
            for law in LAWS
            if known.issuperset(law.factors)
        ]
        self._orders = [
            (law.factors[0], law.factors[1])
            for law in LAWS
            if known.issuperset(law.factors) and law.expression == " <= ".join(law.factors)
        ]
        self._about: dict[str, list[int]] = {}
        for number, law in enumerate(self._laws):
            for name in law.factors:
                self._about.setdefault(name, []).append(number)
        self._made = [
            (one.factor, formula(one.expression, catalogue()[one.factor].type, currency))
            for one in DEFINITIONS
            if known.issuperset((one.factor, *one.factors))
        ]

    @property
    def made_of(self) -> Mapping[str, tuple[str, ...]]:
        """The factors that follow from others, with those."""
        return {name: made.factors for name, made in self._made}

    @property
    def orders(self) -> Sequence[tuple[str, str]]:
        """The pairs of factors of which the first is never above the second."""
        return self._orders

    @property
    def groups(self) -> Sequence[frozenset[str]]:
        """The factors of each law."""
        return [frozenset(law.factors) for law in self._laws]

    def broken(self, values: Values, touched: Iterable[str] | None = None) -> frozenset[int]:
        """The numbers of the laws that the values contradict, of those on `touched` factors."""
        if touched is None:
            numbers: Iterable[int] = range(len(self._laws))
        else:
            numbers = {number for name in touched for number in self._about.get(name, ())}
        found = ((number, self._laws[number].of(values)) for number in numbers)
        return frozenset(number for number, truth in found if truth is False)

    def completed(
        self, values: Values, changed: Mapping[str, FactorValue]
    ) -> Mapping[str, FactorValue]:
        """The changed values, and those that follow from them."""
        every, found = {**values, **changed}, dict(changed)
        for name, made in self._made:
            if not found.keys().isdisjoint(made.factors) and every[name].value is not None:
                figure = made.of(every)
                if figure is not None:
                    type_ = catalogue()[name].type
                    value = from_runtime(name, figure, type_, self.currency)
                    if not isinstance(value, Unknown):
                        found[name] = FactorValue(name, value)
        return found


@lru_cache(64)
def laws_between(names: tuple[str, ...], currency: str) -> Laws:
    """The laws between the factors of a ruleset."""
    return Laws(names, currency)


def _plain(found: FactorValue | None, currency: str) -> Any:
    if found is None or found.value is None:
        return None
    value = to_runtime(found.name, found.value, catalogue()[found.name].type, currency)
    return None if isinstance(value, Unknown) else value
