"""Conditions on a person's factors and inputs alone, such as laws and `only WHERE`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from decision_service.domain.factor import FactorSpec
from decision_service.domain.missing import Cause
from decision_service.language.diagnostics import Place, Report, did_you_mean, render
from decision_service.language.encoding.encoded import Encoded
from decision_service.language.encoding.expressions import encode
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.evaluation.emitter import compile_tree
from decision_service.language.evaluation.kleene import unknown
from decision_service.language.expressions.checker import read_expression
from decision_service.language.expressions.tree import Node
from decision_service.language.terms.builder import Builder
from decision_service.language.types import FLAG, NameFault, Symbol
from decision_service.language.yaml.nodes import Scalar
from decision_service.proofs.people import People
from decision_service.proofs.person import Person


class ConditionUnfit(ValueError):
    """A condition cannot be read; the message says why and where."""


class _Scope:
    """Factors and inputs, each with a slot at its first use."""

    claims = True

    def __init__(
        self, catalogue: Mapping[str, FactorSpec], inputs: Mapping[str, Symbol], currency: str
    ) -> None:
        self.currency = currency
        self._catalogue, self._inputs = catalogue, inputs
        self.symbols: dict[str, Symbol] = {}

    def find(self, name: str) -> Symbol | NameFault:
        """The symbol of a factor or an input."""
        if name not in self.symbols:
            symbol = self._symbol(name)
            if symbol is None:
                hint = did_you_mean(name, [*self._catalogue, *self._inputs])
                return NameFault("R204", f"`{name}` is no factor and no input", hint)
            self.symbols[name] = symbol
        return self.symbols[name]

    def _symbol(self, name: str) -> Symbol | None:
        slot, spec, sent = len(self.symbols), self._catalogue.get(name), self._inputs.get(name)
        if spec is not None:
            return Symbol(name, spec.type, slot, spec.lower, spec.upper, spec.labels)
        if sent is None:
            return None
        return Symbol(name, sent.type, slot, sent.lower, sent.upper, sent.labels)

    def listed(self, operand: Symbol, name: str) -> Symbol | NameFault:
        """Nothing: lists are asked by rules."""
        return NameFault("R213", f"`{operand.name} in {name}` cannot be asked of a person alone")


@dataclass(frozen=True, slots=True)
class _Values:
    """A person's values by slot, as terms."""

    people: People
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

    text: str
    tree: Node
    symbols: tuple[Symbol, ...]

    def encoded(self, people: People) -> Encoded:
        """Its truth of any person."""
        return encode(self.tree, _Values(people, {s.slot: s for s in self.symbols}))

    def truth(self, person: Person) -> Any:
        """Its truth of one person: True, False or an Unknown."""
        lost = unknown("", Cause.NOT_FETCHED)
        values = [person.values.get(symbol.name, lost) for symbol in self.symbols]
        with exactly():
            return compile_tree(self.tree)(values)


def person_condition(
    text: str,
    catalogue: Mapping[str, FactorSpec],
    inputs: Mapping[str, Symbol],
    currency: str,
    what: str,
) -> PersonCondition:
    """A condition from its text; raises ConditionUnfit."""
    report, scope = Report(), _Scope(catalogue, inputs, currency)
    scalar = Scalar(text, plain=True, place=Place(what, 1, 1, 1 + len(text)))
    tree = read_expression(scalar, scope, report, FLAG)
    if tree is None:
        raise ConditionUnfit("\n".join(render(d) for d in report.diagnostics()))
    return PersonCondition(text, tree, tuple(scope.symbols.values()))
