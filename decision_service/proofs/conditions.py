"""Conditions on a person's factors and inputs alone, such as laws and `only WHERE`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from decision_service.domain.factor import FactorSpec
from decision_service.domain.missing import Cause
from decision_service.language.diagnostics import Place, Report, render
from decision_service.language.encoding.encoded import Encoded
from decision_service.language.encoding.expressions import encode
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.evaluation.condition import Declared, DeclaredNames
from decision_service.language.evaluation.emitter import Evaluate, compile_tree
from decision_service.language.evaluation.kleene import unknown
from decision_service.language.expressions.checker import read_expression
from decision_service.language.expressions.tree import Node, reads
from decision_service.language.terms.builder import Builder
from decision_service.language.types import FLAG, Symbol
from decision_service.language.yaml.nodes import Scalar
from decision_service.proofs.people import People
from decision_service.proofs.person import Person


class ConditionUnfit(ValueError):
    """A condition cannot be read; the message says why and where."""


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
    evaluate: Evaluate

    def encoded(self, people: People) -> Encoded:
        """Its truth of any person."""
        return encode(self.tree, _Values(people, {s.slot: s for s in self.symbols}))

    def truth(self, person: Person) -> Any:
        """Its truth of one person: True, False or an Unknown."""
        lost = unknown("", Cause.NOT_FETCHED)
        values = {s.slot: person.values.get(s.name, lost) for s in self.symbols}
        every = [values.get(slot) for slot in range(max(values, default=0) + 1)]
        with exactly():
            return self.evaluate(every)


def person_condition(
    text: str,
    catalogue: Mapping[str, FactorSpec],
    inputs: Mapping[str, Symbol],
    currency: str,
    what: str,
) -> PersonCondition:
    """A condition from its text; raises ConditionUnfit."""
    declared = [Declared(s.name, s.type, s.lower, s.upper, s.labels) for s in catalogue.values()]
    declared += [Declared(s.name, s.type, s.lower, s.upper, s.labels) for s in inputs.values()]
    report = Report()
    scalar = Scalar(text, plain=True, place=Place(what, 1, 1, 1 + len(text)))
    tree = read_expression(scalar, DeclaredNames(currency, declared), report, FLAG)
    if tree is None:
        raise ConditionUnfit("\n".join(render(d) for d in report.diagnostics()))
    return PersonCondition(text, tree, reads(tree), compile_tree(tree))
