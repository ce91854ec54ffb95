"""What is known of functions of the rule language beside their ranges: how they rise and fall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Op, Term

_MOST_ALIKE = 14


def axioms(b: Builder, functions: Sequence[Term]) -> Iterator[Term]:
    """How functions rise and fall with their arguments, and which sign they have."""
    groups: dict[object, list[Term]] = {}
    for term in functions:
        if term.op is Op.APPLY:
            groups.setdefault(term.value.key, []).append(term)
    zero = b.number(0)
    for term in (t for alike in groups.values() for t in alike):
        for argument in (term.args[index] for index in term.value.signed):
            yield b.implies(b.le(argument, zero), b.le(term, zero))
            yield b.implies(b.le(zero, argument), b.le(zero, term))
        for argument in term.args if term.value.key == ("product",) else ():
            yield b.implies(b.eq(argument, zero), b.eq(term, zero))
    for alike in groups.values():
        for one, other in combinations(alike[:_MOST_ALIKE], 2):
            if one.value.rises == other.value.rises:
                yield b.implies(_before(b, one, other), b.le(one, other))
                yield b.implies(_before(b, other, one), b.le(other, one))


def _before(b: Builder, one: Term, other: Term) -> Term:
    """Whether the arguments of one use make its result no larger than the other's."""
    found = b.true
    for left, right, rises in zip(one.args, other.args, one.value.rises, strict=True):
        pair = b.eq(left, right)
        if rises:
            pair = b.le(left, right) if rises > 0 else b.le(right, left)
        found = b.and_(found, pair)
    return found
