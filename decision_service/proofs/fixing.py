"""Variables that are fixed while somebody is looked for, so that every function is linear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice, product
from typing import Any

from decision_service.proofs.questions import Posed
from decision_service.proofs.solving.parts import functions
from decision_service.proofs.terms.term import Op, Term

_FIRST_TERMS = (6, 12, 3, 24)
_FACTORS = (0, Fraction(1, 5))
_TRIES = 3


def split_variables(posed: Posed) -> Sequence[Term]:
    """The variables of few values on which functions rest; more than two are left alone."""
    if not _unknown(posed):
        return ()
    found = list(posed.people.builder.splits)
    return found if len(found) == 1 else ()


def every_value(splits: Sequence[Term]) -> Iterator[tuple[int, ...]]:
    """Every value of the split variable, usual ones first."""
    for term in splits:
        values = range(int(term.low), int(term.high) + 1)
        first = [v for v in _FIRST_TERMS if v in values]
        yield from ((v,) for v in dict.fromkeys([*first, values[0], values[-1], *values]))


def first_fixed(whole: Posed, splits: Sequence[Term]) -> Iterator[Mapping[Term, Any]]:
    """Some values of variables with which all functions are linear."""
    factors = {v: None for some in whole.people.builder.factors for v in some}
    products = any(t.value.key == ("product",) for t in _unknown(whole))
    usual = [(v,) for v in _FACTORS] if products else [()]
    terms = [*islice(every_value(splits), _TRIES)] or [()]
    for term, factor in product(terms, usual):
        fixed: dict[Term, Any] = dict(zip(splits, term, strict=True))
        for value in factor:
            fixed |= {v: min(max(Fraction(value), v.low), v.high) for v in factors}
        yield fixed


def _unknown(posed: Posed) -> Sequence[Term]:
    """The functions of which a solver does not know the result."""
    found = functions([posed.broken])
    return [t for t in found if t.op is Op.APPLY and t.exact is None]
