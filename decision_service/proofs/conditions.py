"""Conditions on a person's factors and inputs alone, such as laws and `only WHERE`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from decision_service.domain.factor import FactorSpec
from decision_service.language.evaluation.formula import Formula, parse_formula
from decision_service.language.expressions.declared import DeclaredNames
from decision_service.language.types import FLAG, Symbol
from decision_service.proofs.encoding.encoded import Encoded
from decision_service.proofs.encoding.expressions import encode
from decision_service.proofs.person import PersonValues
from decision_service.proofs.terms.builder import Builder


class Anybody(Protocol):
    """The values of any person as terms."""

    @property
    def builder(self) -> Builder:
        """The builder of the terms."""

    def factor(self, symbol: Symbol) -> Encoded:
        """A factor's value."""

    def sent(self, name: str, symbol: Symbol) -> Encoded:
        """An input's value."""


@dataclass(frozen=True, slots=True)
class _Values:
    """A person's values by slot, as terms."""

    people: Anybody
    symbols: Mapping[int, Symbol]

    @property
    def builder(self) -> Builder:
        """The builder of their terms."""
        return self.people.builder

    def read(self, slot: int) -> Encoded:
        """The value in a slot."""
        symbol = self.symbols[slot]
        if symbol.name.startswith("inputs."):
            return self.people.sent(symbol.name.removeprefix("inputs."), symbol)
        return self.people.factor(symbol)


@dataclass(frozen=True, slots=True)
class PersonCondition:
    """A condition on factors and inputs."""

    formula: Formula

    @property
    def names(self) -> tuple[str, ...]:
        """The factors and inputs that it reads."""
        return self.formula.names

    def encoded(self, people: Anybody) -> Encoded:
        """Its truth of any person."""
        return encode(self.formula.tree, _Values(people, {s.slot: s for s in self.formula.symbols}))

    def truth(self, person: PersonValues) -> Any:
        """Its truth of one person: True, False or an Unknown."""
        return self.formula.result(person.values)


def person_condition(
    text: str,
    catalogue: Mapping[str, FactorSpec],
    inputs: Mapping[str, Symbol],
    currency: str,
    what: str,
) -> PersonCondition:
    """A condition from its text; raises FormulaUnfit."""
    names = DeclaredNames(currency, (*catalogue.values(), *inputs.values()))
    return PersonCondition(parse_formula(text, names, FLAG, what))
