"""Plain people, among whom a counterexample is looked for first: all is known, nothing is huge."""

from __future__ import annotations

from decision_service.domain.factor import ValueType
from decision_service.language.terms.builder import Builder
from decision_service.language.terms.term import Term
from decision_service.proofs.people import People, Variable

_LARGEST = {ValueType.MONEY: 10**9, ValueType.INTEGER: 10**3, ValueType.NUMBER: 10}


def plausible(people: People) -> list[Term]:
    """What holds of plain people."""
    b = people.builder
    known = [b.not_(v.value.gone) for v in people.variables.values()]
    return [*known, *(t for v in people.variables.values() for t in _small(b, v))]


def _small(b: Builder, variable: Variable) -> list[Term]:
    largest = _LARGEST.get(variable.type)
    if largest is None:
        return []
    term = variable.value.term
    return [b.le(term, b.number(largest)), b.le(b.number(-largest), term)]
