"""Who there can be: the factors, and the laws between them, of everybody and of one person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from decision_service.domain.factor import FactorSpec
from decision_service.language.evaluation.kleene import Unknown
from decision_service.proofs.conditions import Anybody, PersonCondition
from decision_service.proofs.people import People, Variant
from decision_service.proofs.person import PersonValues
from decision_service.proofs.terms.term import Term


@dataclass(frozen=True, slots=True)
class FactorModel:
    """The factors, the laws between them, and groups of which all are missing alike or none is."""

    catalogue: Mapping[str, FactorSpec]
    laws: Sequence[PersonCondition] = ()
    together: Sequence[Sequence[str]] = ()

    def kept(self, people: People, second: Variant | None = None) -> Iterator[Term]:
        """What the laws say of any person, and of the same person a `second` time.

        What is missing the second time is missing by the question, whatever is missing with it.
        """
        b = people.builder
        persons: list[Anybody] = [people] if second is None else [people, second]
        for law in self.laws:
            if all(name in people.variables for name in law.names):
                truths = [law.encoded(person) for person in persons]
                yield from (b.or_(truth.gone, truth.term) for truth in truths)
        for group in self.together:
            values = [people.variables[name].value for name in group if name in people.variables]
            for one, other in pairwise(values):
                yield b.eq(one.gone, other.gone)
                yield b.eq(one.tainted, other.tainted)

    def broken(self, person: PersonValues) -> frozenset[str]:
        """The names of the laws that a person breaks; none where the person keeps all."""
        laws = (law for law in self.laws if law.truth(person) is False)
        return frozenset(name for law in laws for name in law.names)

    def parted(self, person: PersonValues) -> frozenset[str]:
        """The names of the groups of which a person lacks only some, or not all alike."""
        groups = (group for group in self.together if len(_lacks(person, group)) > 1)
        return frozenset(name for group in groups for name in group)


def _lacks(person: PersonValues, group: Sequence[str]) -> set[tuple[bool, bool]]:
    """In which ways values of a group are missing: whether at all, and whether tainted."""
    values = [person.values[name] for name in group if name in person.values]
    return {(isinstance(v, Unknown), isinstance(v, Unknown) and v.tainted) for v in values}
